//! An application's own OCaml modules, compiled to a library for its plugins.

use std::path::Path;

use crate::bundle;
use crate::compile;
use crate::kit::{Kit, Need, quote_for_shell};
use crate::library::Library;
use crate::name_table::NameTable;
use crate::options::Options;
use crate::rejection::rejected;
use crate::source::Source;
use crate::unit::readable_text;

/// Compiles sources, in the order of evaluation, to the library `name` in `directory`, where its files stay. Each is a
/// module of its own. They are compiled as plugins are with `options`, and may use the libraries of these. A preprocessor is
/// started by the compiler, as `-ppx 'EXE --as-ppx'`.
///
/// # Errors
/// When the sources cannot be read, or the compiler does not accept them.
pub async fn compile(
    kit: &Kit,
    options: &Options,
    name: &str,
    sources: Vec<Source>,
    directory: &Path,
) -> Result<Library, compile::Error> {
    kit.prepare(Need::Compile)
        .await
        .map_err(|error| compile::Error::Prepare(Box::new(error)))?;
    let bundles = bundle::read(sources).map_err(compile::Error::Bundle)?;
    let mut names = NameTable::new(&bundles, None);
    let mut files = Vec::new();
    for bundle in &bundles {
        for file in bundle.files() {
            let extension = file.path().extension().unwrap_or_default();
            let extension = match extension.to_str() {
                Some("mli") => "mli",
                _ => "ml",
            };
            let target = format!("{}.{extension}", bundle.module_name());
            let text = readable_text(&mut names, file.path(), file.contents());
            let path = directory.join(&target);
            std::fs::write(&path, text)
                .map_err(|source| compile::Error::Output { path, source })?;
            files.push(target);
        }
    }
    let code = options.code;
    let compiler = kit.ocamlopt().ok_or(compile::Error::NoCompiler { code })?;
    let archive = format!("{name}.cmxa");
    let preprocessor = options.preprocessor_program().map(|program| {
        // The compiler runs in another directory.
        let absolute = std::path::absolute(program);
        let mut command = quote_for_shell(absolute.as_deref().unwrap_or(program));
        command.push(" --as-ppx");
        ["-ppx".into(), command]
    });
    let invocation = compiler
        .args(["-error-style", "short", "-color", "never"])
        .args(options.compile_arguments())
        .args(preprocessor.into_iter().flatten())
        .args(["-I", ".", "-a", "-o", &archive])
        .args(files)
        .current_dir(directory)
        .env("TMPDIR", directory);
    let output = invocation
        .output()
        .await
        .map_err(|error| compile::Error::Run(Box::new(error)))?;
    if !output.status.success() {
        let failure = ocaml_toolchain::CommandFailure::new(invocation, output);
        return Err(rejected(failure, &names));
    }
    let requires = options.libraries.iter().map(Library::name);
    let library = Library::new(name)
        .directory(directory)
        .archive(directory.join(archive))
        .everywhere(true);
    Ok(requires.fold(library, Library::requires))
}

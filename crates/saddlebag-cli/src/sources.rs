//! The FILEs of a command line, and the options of the loader that compiles them.

use std::io::Read;
use std::path::{Path, PathBuf};

use code_sets::Code;
use dynloader::cache::CacheConfig;
use dynloader::{Assembler, Loader, Options, Preprocessor, Source, Warnings};

use embedded_compiler::Chosen;

use crate::arguments::{AssemblerChoice, CompileOptions, Sources};
use crate::failure::Failure;
use crate::script;
use crate::signals;

/// The name that the text of standard input goes by.
const STANDARD_INPUT: &str = "stdin.ml";

impl CompileOptions {
    /// The code that the user names.
    pub(crate) fn code(&self) -> Option<Code> {
        self.code.map(|code| code.code())
    }

    /// The loader's options. Compiled scripts are kept.
    pub(crate) fn options(&self, chosen: &Chosen, is_script: bool) -> Result<Options, Failure> {
        let mut options = if self.strict {
            Options::default()
        } else {
            Options::program()
        };
        if let Some(spec) = &self.warnings {
            options = options.warnings(match self.strict {
                true => Warnings::spec(spec),
                false => Warnings::reported(spec),
            });
        }
        if self.no_strict_sequence {
            options = options.strict_sequence(false);
        }
        if let Some(directory) = &self.in_dir {
            options = options.in_dir(absolute(directory)?);
        }
        if let Some(directory) = &self.cache {
            let mut cache = CacheConfig::new(directory);
            if let Some(size) = self.cache_size {
                cache = cache.max_files(size);
            }
            options = options.use_cache(cache);
        } else if let Some(cache) = (is_script && !self.no_cache).then(script::cache).flatten() {
            options = options.use_cache(cache);
        }
        if let Some(program) = &self.ppx {
            options = options.preprocessor(Preprocessor::Ppx(program.clone()));
        }
        options = options.assembler(match self.assembler {
            AssemblerChoice::Auto => Assembler::Auto,
            AssemblerChoice::Internal => Assembler::Internal,
            AssemblerChoice::External => Assembler::External,
        });
        Ok(options
            .trigger_unused_value_warnings_despite_mli(self.warnings_in_utils)
            .include_directories(&self.include)
            .cmx_flags(&self.cmx_flag)
            .cmxs_flags(&self.cmxs_flag)
            .code(chosen.code))
    }
}

/// A loader that compiles with the chosen compiler.
pub(crate) fn loader(chosen: &Chosen, options: Options) -> Result<Loader, Failure> {
    // A carried compiler makes a directory of its own, unless it has a lasting one.
    if chosen.carried.is_some() {
        embedded_compiler::before_first_extraction(signals::install);
    }
    let options = options.before_directory(signals::install);
    Loader::new(chosen.kit.clone(), options).map_err(Failure::new)
}

impl Sources {
    /// The sources in the order of evaluation.
    pub(crate) fn resolve(&self, loader: &Loader) -> Result<Vec<Source>, Failure> {
        if self.find_dependencies {
            let [file] = self.files.as_slice() else {
                return Err(Failure::Usage(
                    "--find-dependencies takes one FILE".to_owned(),
                ));
            };
            if is_standard_input(file) {
                return Err(Failure::Usage(
                    "--find-dependencies cannot read standard input".to_owned(),
                ));
            }
            let found =
                futures_lite::future::block_on(loader.find_dependencies(with_extension(file)));
            return Ok(found
                .map_err(Failure::new)?
                .into_iter()
                .map(Source::from)
                .collect());
        }
        if self
            .files
            .iter()
            .filter(|file| is_standard_input(file))
            .count()
            > 1
        {
            return Err(Failure::Usage("standard input can be read once".to_owned()));
        }
        match &self.files[..] {
            [file] => Ok(vec![source(file, self.is_script())?]),
            files => files
                .iter()
                .map(|file| source(file, script::is_script(file)))
                .collect(),
        }
    }

    /// Whether the one FILE is a script.
    pub(crate) fn is_script(&self) -> bool {
        let is_script = || matches!(&self.files[..], [file] if script::is_script(file));
        *self.script.get_or_init(is_script)
    }

    /// The name that the plugin goes by: `Sys.argv.(0)`.
    pub(crate) fn name(&self) -> PathBuf {
        match self.files.last() {
            Some(file) if !is_standard_input(file) => file.clone(),
            _ => PathBuf::from(STANDARD_INPUT),
        }
    }
}

fn source(file: &Path, is_script: bool) -> Result<Source, Failure> {
    if is_script {
        return script::source(file).map_err(|source| {
            let message = format!("cannot read `{}`: {source}", file.display());
            Failure::Error(Box::new(std::io::Error::new(source.kind(), message)))
        });
    }
    if !is_standard_input(file) {
        return Ok(Source::file(file));
    }
    let mut text = Vec::new();
    std::io::stdin().read_to_end(&mut text).map_err(|source| {
        Failure::Error(Box::new(std::io::Error::new(
            source.kind(),
            format!("cannot read standard input: {source}"),
        )))
    })?;
    Ok(Source::text(STANDARD_INPUT, text))
}

fn is_standard_input(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// A FILE without extension stands for its `.ml`.
fn with_extension(file: &Path) -> PathBuf {
    match file.extension() {
        Some(_) => file.to_owned(),
        None => file.with_extension("ml"),
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(Failure::new)
}

//! Finding the toolchain that is installed.

mod error;
mod options;
mod tools;

pub use error::Error;
pub use options::Options;

use crate::threads::unblock;
use crate::{Conf, Findlib, Invocation, OcamlVersion, Origin, ToolCommand, Toolchain};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use tools::{Tools, program, program_in};

impl Toolchain {
    /// Find a toolchain in the places that `options` lists, in the order documented there, and ask its compiler for
    /// its configuration. Starts one to three short processes (`ocamlfind`, and the compiler with `-config`).
    ///
    /// ```no_run
    /// # futures_lite::future::block_on(async {
    /// use ocaml_toolchain::{Toolchain, find::Options};
    ///
    /// let toolchain = Toolchain::find(&Options::from_environment()).await?;
    /// println!("OCaml {} from {}", toolchain.conf().version(), toolchain.origin());
    /// # Ok::<(), ocaml_toolchain::find::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// See [`find::Error`](Error). A toolchain without native code, `ocamlfind`, compiler-libs, assembler or linker is
    /// no error here: see [`require`](crate::require).
    pub async fn find(options: &Options) -> Result<Self, Error> {
        let (origin, tools) = locate(options).await?;
        describe(options, origin, tools).await
    }

    /// [`find`](Self::find) for a caller that is not asynchronous: blocks the thread.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn find_blocking(options: &Options) -> Result<Self, Error> {
        futures_lite::future::block_on(Self::find(options))
    }
}

/// The first place with a compiler.
async fn locate(options: &Options) -> Result<(Origin, Tools), Error> {
    if let Some(path) = options.compiler.clone() {
        let origin = Origin::Compiler { path: path.clone() };
        return named(origin, move || compiler_at(&path)).await;
    }
    let mut looked = Vec::new();
    for directory in options.directories.clone() {
        if let Some(tools) = in_directory(&directory).await {
            return Ok((Origin::Directory { directory }, tools));
        }
        looked.push(directory);
    }
    if !looked.is_empty() {
        return Err(Error::NoCompiler {
            looked: looked.into(),
        });
    }
    if let Some(value) = options.saddlebag_ocaml.clone() {
        let origin = Origin::Variable {
            value: value.clone(),
        };
        return named(origin, move || {
            compiler_at(&value)
                .or_else(|| Tools::in_directory(&value))
                .or_else(|| Tools::in_directory(&value.join("bin")))
        })
        .await;
    }
    if let Some(prefix) = options.opam_switch_prefix.clone() {
        let directory = prefix.join("bin");
        if let Some(tools) = in_directory(&directory).await {
            return Ok((Origin::OpamSwitch { prefix }, tools));
        }
        looked.push(directory);
    }
    if let Some(ocamlfind) = ocamlfind(options).await? {
        if let Some(mut tools) = ask_ocamlfind(options, &ocamlfind).await {
            tools.ocamlfind = Some(ocamlfind.clone());
            return Ok((Origin::Findlib { ocamlfind }, tools));
        }
        looked.push(ocamlfind);
    }
    for directory in options.path.iter().flat_map(std::env::split_paths) {
        if let Some(tools) = in_directory(&directory).await {
            return Ok((Origin::SearchPath { directory }, tools));
        }
        looked.push(directory);
    }
    Err(Error::NoCompiler {
        looked: looked.into(),
    })
}

async fn named(
    origin: Origin,
    look: impl FnOnce() -> Option<Tools> + Send + 'static,
) -> Result<(Origin, Tools), Error> {
    match unblock(look).await {
        Some(tools) => Ok((origin, tools)),
        None => Err(Error::NotThere {
            origin: Box::new(origin),
        }),
    }
}

async fn in_directory(directory: &Path) -> Option<Tools> {
    let directory = directory.to_owned();
    unblock(move || Tools::in_directory(&directory)).await
}

fn compiler_at(path: &Path) -> Option<Tools> {
    let path = std::path::absolute(path).ok()?;
    program(path.as_os_str(), None).map(Tools::beside)
}

/// The `ocamlfind` that was named, else the first in `PATH`.
async fn ocamlfind(options: &Options) -> Result<Option<PathBuf>, Error> {
    let (given, path) = (options.ocamlfind.clone(), options.path.clone());
    unblock(move || match given {
        Some(given) => match program(given.as_os_str(), path.as_deref()) {
            Some(found) => Ok(Some(found)),
            None => Err(Error::NoOcamlfind {
                path: Box::new(given),
            }),
        },
        None => Ok(path.and_then(|path| program(OsStr::new("ocamlfind"), Some(&path)))),
    })
    .await
}

/// The compiler that an `ocamlfind` would start: its configuration, or a toolchain chosen with `OCAMLFIND_TOOLCHAIN`,
/// may name another one than `PATH` does. `-only-show` prints the command line without running it.
async fn ask_ocamlfind(options: &Options, ocamlfind: &Path) -> Option<Tools> {
    for command in ["ocamlopt", "ocamlc"] {
        let show = probe(options, ocamlfind).args([command, "-only-show"]);
        let Ok(output) = show.run().await else {
            continue;
        };
        let line = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let path = options.path.clone();
        let found = unblock(move || {
            let words = [
                line.as_str(),
                line.split_whitespace().next().unwrap_or_default(),
            ];
            let compiler = words
                .iter()
                .find_map(|word| program(OsStr::new(word), path.as_deref()))?;
            let native =
                |name: &OsStr| [OsStr::new("ocamlopt"), OsStr::new("ocamlc")].contains(&name);
            match compiler.file_name() {
                // A plain name: take the `.opt` beside it.
                Some(name) if native(name) => compiler.parent().and_then(Tools::in_directory),
                _ => Some(Tools::beside(compiler)),
            }
        });
        if let Some(tools) = found.await {
            return Some(tools);
        }
    }
    None
}

/// Ask the compiler, then look for what its configuration names.
async fn describe(options: &Options, origin: Origin, tools: Tools) -> Result<Toolchain, Error> {
    let Some(compiler) = tools.compiler().cloned() else {
        return Err(Error::NotThere {
            origin: Box::new(origin),
        });
    };
    let compiler = Box::new(compiler);
    let output = match probe(options, &compiler).arg("-config").run().await {
        Ok(output) => output,
        Err(source) => {
            return Err(Error::ConfigFailed {
                compiler,
                source: Box::new(source),
            });
        }
    };
    let conf = match Conf::parse(&String::from_utf8_lossy(&output.stdout)) {
        Ok(conf) => conf,
        Err(source) => {
            return Err(Error::ConfigUnreadable {
                compiler,
                source: Box::new(source),
            });
        }
    };
    let minimum = options
        .minimum_version
        .clone()
        .unwrap_or(OcamlVersion::MINIMUM);
    if conf.version() < &minimum {
        let version = Box::new(conf.version().clone());
        return Err(Error::TooOld {
            compiler,
            version,
            minimum: Box::new(minimum),
        });
    }
    let standard_library = conf.standard_library().to_owned();
    if !unblock(move || standard_library.join("stdlib.cmi").is_file()).await {
        return Err(Error::NoStandardLibrary {
            compiler,
            directory: Box::new(conf.standard_library().to_owned()),
        });
    }
    let findlib = findlib(options, &origin, &compiler, tools.ocamlfind, &conf).await?;
    let (path, directory) = (options.path.clone(), compiler.parent().map(Path::to_owned));
    Ok(unblock(move || {
        let tool = |name: &str| {
            program(OsStr::new(name), path.as_deref()).or_else(|| {
                directory
                    .as_ref()
                    .and_then(|directory| program_in(directory, name))
            })
        };
        let assembler = conf.asm().split_first().and_then(|(name, args)| {
            let args = args.iter().map(|arg| (*arg).to_owned()).collect();
            Some(ToolCommand {
                program: tool(name)?,
                args,
            })
        });
        let linker = tool(conf.native_pack_linker().first().copied().unwrap_or("ld"));
        let compiler_libs = conf.standard_library().join("compiler-libs");
        Toolchain {
            origin,
            ocamlopt: tools.ocamlopt,
            ocamlc: tools.ocamlc,
            ocamldep: tools.ocamldep,
            findlib,
            assembler,
            linker,
            compiler_libs: compiler_libs.is_dir().then_some(compiler_libs),
            conf,
        }
    })
    .await)
}

/// The `ocamlfind` of a compiler: the one that named it, else one beside it, else the one in `PATH` if it takes the
/// same standard library for its own.
async fn findlib(
    options: &Options,
    origin: &Origin,
    compiler: &Path,
    beside: Option<PathBuf>,
    conf: &Conf,
) -> Result<Findlib, Error> {
    if let Origin::Findlib { ocamlfind } = origin {
        return Ok(Findlib::Found {
            path: ocamlfind.clone(),
        });
    }
    let path = match (&options.ocamlfind, beside) {
        (None, Some(beside)) => beside,
        _ => match ocamlfind(options).await? {
            Some(path) => path,
            None => return Ok(Findlib::Missing),
        },
    };
    // In a directory of its own an installation is of one piece; `PATH` may mix several.
    let trusted =
        path.parent() == compiler.parent() && !matches!(origin, Origin::SearchPath { .. });
    if trusted {
        return Ok(Findlib::Found { path });
    }
    match probe(options, &path)
        .args(["printconf", "stdlib"])
        .run()
        .await
    {
        Err(error) => Ok(Findlib::Broken {
            path,
            message: error.to_string(),
        }),
        Ok(output) => {
            let theirs = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
            let ours = conf.standard_library().to_owned();
            Ok(unblock(move || {
                let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
                if real(&theirs) == real(&ours) {
                    Findlib::Found { path }
                } else {
                    Findlib::Foreign {
                        path,
                        standard_library: theirs,
                    }
                }
            })
            .await)
        }
    }
}

/// A short question to a program of the toolchain.
fn probe(options: &Options, program: &Path) -> Invocation {
    let invocation = Invocation::new(program);
    match &options.path {
        Some(path) => invocation.env("PATH", path),
        None => invocation,
    }
}

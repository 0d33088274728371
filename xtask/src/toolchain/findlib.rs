//! Findlib for an OCaml that was built here, from the source package of Debian and its like.

use super::build::{Work, cannot, empty, make};
use super::log;
use crate::Outcome;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The source package, and the binary package by which the archive is found that has it.
const SOURCE: &str = "findlib";
const BINARY: &str = "ocaml-findlib";

/// The findlib of the OCaml in `toolchain`, in a directory of its own below `findlibs`, so that what the toolchain holds
/// stays as it was. Built if it is not there yet; what an earlier run has done is not done again.
pub(super) fn ensure(findlibs: &Path, toolchain: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let name = toolchain.file_name().unwrap_or_default();
    let prefix = findlibs.join(name);
    if !prefix.is_dir() {
        let work = Work::new(findlibs.join(".work").join(name))?;
        let lock = work.lock()?;
        if !prefix.is_dir() {
            build(&work, toolchain, &prefix)?;
        }
        drop(lock);
    }
    check(toolchain, &prefix)?;
    Ok(prefix)
}

fn build(work: &Work, toolchain: &Path, prefix: &Path) -> Outcome {
    println!("building findlib in `{}`", work.directory.display());
    work.step("fetched", || fetch(work))?;
    let is_archive = |path: &Path| path.to_string_lossy().contains(".orig.tar.");
    work.step("unpacked", || work.unpack("apt", is_archive))?;
    let path = path(toolchain)?;
    let command = |program: &str| {
        let mut command = work.command(program);
        command.env("PATH", &path).env_remove("OCAMLFIND_CONF");
        command
    };
    work.step("configured", || {
        let mut configure = command("./configure");
        for (option, directory) in [
            ("-bindir", "bin"),
            ("-mandir", "man"),
            ("-sitelib", "lib"),
            ("-config", "lib/findlib.conf"),
        ] {
            configure.arg(option).arg(prefix.join(directory));
        }
        let configure = configure.args(["-no-topfind", "-no-camlp4"]);
        log::run(configure, &work.log("configure"))
    })?;
    work.step("built", || {
        log::run(command(make()).args(["all", "opt"]), &work.log("make"))
    })?;
    // The makefile knows a prefix to put before all paths: what exists under its name is whole.
    let staging = work.directory.join("staging");
    empty(&staging)?;
    let destination = format!("prefix={}", staging.display());
    log::run(
        command(make()).args(["install", &destination]),
        &work.log("install"),
    )?;
    let installed = staging.join(prefix.strip_prefix("/").unwrap_or(prefix));
    fs::rename(&installed, prefix)
        .map_err(|error| cannot("move into place", &installed, &error))?;
    fs::remove_dir_all(&work.directory)
        .map_err(|error| cannot("remove", &work.directory, &error))?;
    Ok(())
}

/// The compilers of the toolchain before all others.
fn path(toolchain: &Path) -> Result<std::ffi::OsString, Box<dyn Error>> {
    let inherited = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::iter::once(toolchain.join("bin"));
    Ok(std::env::join_paths(
        directories.chain(std::env::split_paths(&inherited)),
    )?)
}

/// apt checks what it fetches against the keys of the distribution. Its own lists are left alone, so anybody may do this.
fn fetch(work: &Work) -> Outcome {
    let packed = work.directory.join("packed");
    empty(&packed)?;
    let apt = work.directory.join("apt");
    for directory in ["lists/partial", "cache/archives/partial"] {
        let directory = apt.join(directory);
        fs::create_dir_all(&directory).map_err(|error| cannot("make", &directory, &error))?;
    }
    let list = apt.join("sources.list");
    fs::write(&list, format!("deb-src {}\n", archive()?))
        .map_err(|error| cannot("write", &list, &error))?;
    let command = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        for (name, value) in [
            ("Dir::Etc::SourceList", list.clone()),
            ("Dir::Etc::SourceParts", PathBuf::from("/dev/null")),
            ("Dir::State::Lists", apt.join("lists")),
            ("Dir::Cache", apt.join("cache")),
            // The directory need not be readable to the user of apt's own that downloads else.
            ("APT::Sandbox::User", PathBuf::from("root")),
        ] {
            command.arg("-o").arg(format!("{name}={}", value.display()));
        }
        command.args(arguments).current_dir(&packed);
        command
    };
    log::run(&mut command(&["update"]), &work.log("apt"))?;
    log::run(
        &mut command(&["source", "--download-only", SOURCE]),
        &work.log("fetch"),
    )
}

/// The archive of packages that this system has findlib from, as a line of `sources.list`: address, suite and component.
fn archive() -> Result<String, Box<dyn Error>> {
    let output = Command::new("apt-cache")
        .args(["madison", BINARY])
        .stderr(Stdio::null())
        .output()
        .map_err(|error| {
            format!("findlib is built of the source package of Debian and its like, and `apt-cache` does not start: {error}")
        })?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.lines().find_map(entry);
    found.ok_or_else(|| {
        format!(
            "apt knows no package `{BINARY}`: run `apt-get update`, or install findlib yourself"
        )
        .into()
    })
}

/// Reads a line of `apt-cache madison`: `ocaml-findlib | 1.9.6-1+b1 | http://deb.debian.org/debian bookworm/main amd64 Packages`.
fn entry(line: &str) -> Option<String> {
    let place = line.rsplit(" | ").next()?.trim();
    let mut words = place.split(' ');
    let (address, suite) = (words.next()?, words.next()?);
    let (suite, component) = suite.rsplit_once('/')?;
    address
        .contains("://")
        .then(|| format!("{address} {suite} {component}"))
}

/// Asks the findlib in `prefix` for a library of its OCaml.
fn check(toolchain: &Path, prefix: &Path) -> Outcome {
    let ocamlfind = prefix.join("bin/ocamlfind");
    let output = Command::new(&ocamlfind)
        .args(["query", "unix"])
        .env("PATH", path(toolchain)?)
        .env_remove("OCAMLFIND_CONF")
        .env_remove("OCAMLPATH")
        .output();
    let advice = format!("remove `{}` to build it again", prefix.display());
    let output = output.map_err(|error| {
        format!(
            "`{}` does not start: {error}; {advice}",
            ocamlfind.display()
        )
    })?;
    let directory = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if output.status.success() && Path::new(&directory).starts_with(toolchain) {
        return Ok(());
    }
    Err(format!(
        "`{}` does not find `unix` of `{}`: {}; {advice}",
        ocamlfind.display(),
        toolchain.display(),
        String::from_utf8_lossy(&output.stderr).trim()
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::entry;

    #[test]
    fn the_archive_is_read_from_what_apt_knows() {
        let line = "ocaml-findlib | 1.9.6-1+b1 | http://deb.debian.org/debian bookworm/main amd64 Packages";
        assert_eq!(
            entry(line).as_deref(),
            Some("http://deb.debian.org/debian bookworm main")
        );
        let security =
            "x | 1 | https://a.example/debian-security stable-security/updates/main amd64 Packages";
        assert_eq!(
            entry(security).as_deref(),
            Some("https://a.example/debian-security stable-security/updates main")
        );
        assert_eq!(entry("x | 1 | /var/lib/dpkg/status"), None);
        assert_eq!(entry(""), None);
    }
}

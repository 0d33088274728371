//! The packages of the workspace, and what each has to say of itself.

use super::Problems;
use crate::shell;
use serde_json::Value;
use std::error::Error;
use std::path::{Path, PathBuf};

/// What `cargo metadata` says of one package.
#[derive(Debug, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) published: bool,
    pub(crate) rust_version: String,
    pub(crate) directory: PathBuf,
    pub(crate) described: bool,
    /// The members it depends on to build, with the version asked for; not those only its tests use.
    pub(crate) members: Vec<(String, String)>,
}

/// Every package of the workspace.
pub(crate) fn packages(root: &Path) -> Result<Vec<Package>, Box<dyn Error>> {
    let output = shell::cargo()
        .current_dir(root)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .output()?;
    if !output.status.success() {
        return Err(format!(
            "`cargo metadata` failed: {}",
            String::from_utf8_lossy(&output.stderr)
        )
        .into());
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let list = metadata["packages"]
        .as_array()
        .ok_or("`cargo metadata` lists no packages")?;
    Ok(list.iter().map(package).collect())
}

fn package(value: &Value) -> Package {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let dependencies = value["dependencies"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let member =
        |dependency: &&Value| dependency["path"].is_string() && dependency["kind"] != "dev";
    Package {
        name: text(&value["name"]),
        version: text(&value["version"]),
        published: value["publish"].is_null(),
        rust_version: text(&value["rust_version"]),
        directory: Path::new(&text(&value["manifest_path"]))
            .parent()
            .unwrap_or(Path::new(""))
            .to_owned(),
        described: ["description", "license", "repository", "readme"]
            .iter()
            .all(|field| value[field].is_string()),
        members: dependencies
            .iter()
            .filter(member)
            .map(|dependency| (text(&dependency["name"]), text(&dependency["req"])))
            .collect(),
    }
}

/// One version for all, asked for exactly: a facade must never meet another release of its members.
pub(super) fn check(root: &Path, packages: &[Package], problems: &mut Problems) {
    let Some(version) = packages
        .iter()
        .find(|package| package.name == "saddlebag")
        .map(|package| &package.version)
    else {
        return problems.push("Cargo.toml: there is no package `saddlebag`".to_owned());
    };
    for package in packages {
        let name = &package.name;
        if package.version != *version {
            problems.push(format!(
                "{name}: version {}, others have {version}",
                package.version
            ));
        }
        for (member, asked) in &package.members {
            if *asked != format!("={version}") {
                problems.push(format!("{name}: asks for {member} {asked}, not ={version}"));
            }
        }
        if package.published && !package.described {
            problems.push(format!(
                "{name}: description, licence, repository or readme is missing"
            ));
        }
        if package.published && !package.directory.join("README.md").is_file() {
            problems.push(format!("{name}: README.md is missing"));
        }
        let in_crates = package.directory == root.join("crates").join(name);
        if package.published && !in_crates {
            problems.push(format!("{name}: should live in `crates/{name}`"));
        }
    }
}

//! What prose repeats of the code: lists of crates, versions.

use super::{Package, Problems};
use std::error::Error;
use std::fs;
use std::path::Path;

/// The documents that list every crate.
const LISTS: [&str; 2] = ["README.md", "docs/ARCHITECTURE.md"];

pub(super) fn check(
    root: &Path,
    packages: &[Package],
    problems: &mut Problems,
) -> Result<(), Box<dyn Error>> {
    for document in LISTS {
        let Ok(text) = fs::read_to_string(root.join(document)) else {
            problems.push(format!("{document}: is missing"));
            continue;
        };
        for package in packages.iter().filter(|package| package.published) {
            if !text.contains(&format!("`{}`", package.name)) {
                problems.push(format!(
                    "{document}: does not name the crate `{}`",
                    package.name
                ));
            }
        }
        for number in rust_versions(&text) {
            if packages
                .iter()
                .any(|package| package.rust_version != number)
            {
                problems.push(format!(
                    "{document}: says Rust {number}, Cargo.toml another version"
                ));
            }
        }
    }
    let changes = fs::read_to_string(root.join("CHANGELOG.md")).unwrap_or_default();
    let version = packages
        .first()
        .map_or("", |package| package.version.as_str());
    if !changes.contains("## [Unreleased]") && !changes.contains(&format!("## [{version}]")) {
        problems.push(format!("CHANGELOG.md: has no section for {version}"));
    }
    Ok(())
}

/// The minimum versions that a text names, as in `Rust 1.89`.
fn rust_versions(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("Rust 1.").map(|(start, _)| {
        let rest = &text[start + "Rust ".len()..];
        let minor = &rest["1.".len()..];
        let digits = minor
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(minor.len());
        &rest[.."1.".len() + digits]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_rust_are_found_in_prose() {
        let text =
            "Needs Rust 1.89, or later. Rust 1.90.1 is fine; Rust 2024 and Rust are no versions.";
        assert_eq!(rust_versions(text).collect::<Vec<_>>(), ["1.89", "1.90"]);
    }
}

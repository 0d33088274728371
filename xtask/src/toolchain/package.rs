//! Which published package holds the sources of a version of OCaml.

use std::error::Error;
use std::process::{Command, Stdio};

/// The package of the npm registry whose archive is OCaml's source tree.
const NAME: &str = "ocaml";

/// A published source tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// What npm takes: `ocaml@4.14.1000`.
    pub(super) specification: String,
    /// The version of the OCaml in it: `4.14.1`.
    pub(super) ocaml: String,
}

/// The package for `version`, as the registry lists it now.
pub(super) fn choose(version: &str) -> Result<Package, Box<dyn Error>> {
    let mut command = Command::new("npm");
    command
        .args(["view", NAME, "versions", "--json"])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = command
        .output()
        .map_err(|error| format!("`npm` does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!(
            "npm cannot list the versions of the package `{NAME}`: {}",
            output.status
        )
        .into());
    }
    among(
        &serde_json::from_slice::<Vec<String>>(&output.stdout)?,
        version,
    )
}

fn among(published: &[String], version: &str) -> Result<Package, Box<dyn Error>> {
    let asked = numbers(version)
        .ok_or_else(|| format!("`{version}` is no version of OCaml such as `5.3.0` or `5.3`"))?;
    let candidates = published
        .iter()
        .filter_map(|name| Some((contents(name)?, numbers(name)?, name)));
    let fitting = candidates.filter(|(ocaml, ..)| ocaml.starts_with(&asked));
    match fitting.max() {
        Some((ocaml, _, name)) => Ok(Package {
            specification: format!("{NAME}@{name}"),
            ocaml: ocaml
                .iter()
                .map(u32::to_string)
                .collect::<Vec<_>>()
                .join("."),
        }),
        None => Err(format!(
            "the npm registry has no sources of OCaml {version}; the packages `{NAME}` it has: {}",
            published.join(", ")
        )
        .into()),
    }
}

/// The version of OCaml in the package of version `name`. The third number holds the patch release in its thousands and counts
/// the package's own releases in the rest (the package's README): 4.14.1000 is OCaml 4.14.1, 5.1.4 is OCaml 5.1.0.
/// A variant (`4.12.0-musl.static.flambda`) is nothing that anybody asks for by number.
fn contents(name: &str) -> Option<Vec<u32>> {
    let mut numbers = numbers(name)?;
    if let Some(patch) = numbers.get_mut(2) {
        *patch /= 1000;
    }
    Some(numbers)
}

/// The ways in which OCaml can be configured that its assembly shows: `5.3.0+frame-pointers` is OCaml 5.3.0 with one.
pub(super) const VARIANTS: [&str; 2] = ["frame-pointers", "flambda"];

/// Version and variant of a name such as `5.3.0+frame-pointers`; the variant is empty for OCaml as it is.
pub(super) fn parts(name: &str) -> Option<(&str, &str)> {
    match name.split_once('+') {
        None => Some((name, "")),
        Some((version, variant)) => VARIANTS.contains(&variant).then_some((version, variant)),
    }
}

/// `5.3.0` as numbers; nothing else is a version here.
pub(super) fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(version: &str) -> Result<(String, String), String> {
        let published = [
            "4.6.10",
            "4.12.0-musl.static.flambda",
            "4.12.0",
            "4.14.0",
            "4.14.1000",
            "4.14.1001",
            "5.1.4",
            "5.3.0",
        ];
        let published: Vec<String> = published.map(str::to_owned).into();
        let package = among(&published, version).map_err(|error| error.to_string())?;
        Ok((package.specification, package.ocaml))
    }

    #[test]
    fn the_packages_third_number_hides_the_patch_release() {
        let package = |name: &str, ocaml: &str| Ok((name.to_owned(), ocaml.to_owned()));
        assert_eq!(choice("4.14.1"), package("ocaml@4.14.1001", "4.14.1"));
        assert_eq!(choice("4.14"), package("ocaml@4.14.1001", "4.14.1"));
        assert_eq!(choice("4.14.0"), package("ocaml@4.14.0", "4.14.0"));
        assert_eq!(choice("4.12"), package("ocaml@4.12.0", "4.12.0"));
        assert_eq!(choice("5.1"), package("ocaml@5.1.4", "5.1.0"));
        assert!(choice("5.1.4").is_err());
        assert_eq!(choice("5"), package("ocaml@5.3.0", "5.3.0"));
    }

    #[test]
    fn a_variant_is_named_after_a_plus_sign() {
        assert_eq!(parts("5.3.0"), Some(("5.3.0", "")));
        assert_eq!(parts("5.3+flambda"), Some(("5.3", "flambda")));
        assert_eq!(parts("5.3.0+fast"), None);
        assert_eq!(parts("5.3.0+"), None);
    }

    #[test]
    fn what_is_not_published_is_answered_with_what_is() {
        let error = choice("5.9").unwrap_err();
        assert!(
            error.contains("no sources of OCaml 5.9") && error.contains("4.14.1000"),
            "{error}"
        );
        assert!(choice("five").unwrap_err().contains("no version of OCaml"));
    }
}

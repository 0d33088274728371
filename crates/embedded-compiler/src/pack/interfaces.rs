//! The compiled interfaces that compiling a plugin can open.

use std::path::Path;

use dynloader::kit::Kit;

use super::{Collection, PackError};
use crate::metadata::COMPILE;

/// Libraries of the host image besides the standard library: their directory under the standard library's, where it has
/// one of its own.
const LIBRARIES: &[&str] = &["unix", "threads", "dynlink"];

/// Units that the standard library's directory holds and the host image does too. Other units there (`str`, `num`,
/// `profiling`, the toplevel's) are not in the image, and a plugin that used one would compile and not load.
fn is_in_the_image(unit: &str) -> bool {
    let unit = unit.to_ascii_lowercase();
    ["stdlib", "camlinternal", "unix"]
        .iter()
        .any(|prefix| unit.starts_with(prefix))
        || unit == "dynlink"
}

impl Collection {
    /// Adds `ocaml/*.cmi` and `ocaml/*.cmx` of the standard library and of the image's other libraries, and the
    /// registry's interface.
    pub(super) fn interfaces(&mut self, kit: &Kit, directory: &Path) -> Result<(), PackError> {
        let library = &kit.manifest().standard_library;
        let native = kit.manifest().native.is_some();
        self.directory("ocaml", library, native, is_in_the_image)?;
        for name in LIBRARIES {
            self.directory("ocaml", &library.join(name), native, |_| true)?;
        }
        self.directory("interfaces", &directory.join("interfaces"), false, |_| true)
    }

    fn directory(
        &mut self,
        target: &str,
        directory: &Path,
        native: bool,
        chosen: impl Fn(&str) -> bool,
    ) -> Result<(), PackError> {
        let entries = match std::fs::read_dir(directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => {
                return Err(PackError::List {
                    path: directory.to_owned(),
                    source,
                });
            }
        };
        for entry in entries {
            let path = entry
                .map_err(|source| PackError::List {
                    path: directory.to_owned(),
                    source,
                })?
                .path();
            let (Some(name), Some(stem), Some(extension)) = (
                path.file_name().and_then(|name| name.to_str()),
                path.file_stem().and_then(|stem| stem.to_str()),
                path.extension().and_then(|extension| extension.to_str()),
            ) else {
                continue;
            };
            let wanted = extension == "cmi" || (native && extension == "cmx");
            if wanted && chosen(stem) {
                self.file(COMPILE, &format!("{target}/{name}"), &path)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::is_in_the_image;

    #[test]
    fn units_of_the_host_image_are_carried_and_no_others() {
        for unit in [
            "stdlib",
            "stdlib__List",
            "camlinternalOO",
            "camlinternalFormatBasics",
            "unix",
            "unixLabels",
        ] {
            assert!(is_in_the_image(unit), "{unit}");
        }
        for unit in [
            "str",
            "num",
            "profiling",
            "topdirs",
            "std_exit",
            "dynlink_compilerlibs",
            "big_int",
        ] {
            assert!(!is_in_the_image(unit), "{unit}");
        }
    }
}

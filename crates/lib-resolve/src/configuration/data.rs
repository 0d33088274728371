//! A configuration as plain data for serde.

use std::path::PathBuf;

use super::Configuration;
use crate::sys;

#[derive(serde::Serialize, serde::Deserialize)]
pub(super) struct Data {
    file: Option<PathBuf>,
    #[serde(default)]
    files_read: Vec<PathBuf>,
    search_path: Vec<PathBuf>,
    stdlib: PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undefined_toolchain: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    describes_compiler: bool,
}

impl From<Configuration> for Data {
    fn from(configuration: Configuration) -> Data {
        Data {
            search_path: configuration.search_path().collect(),
            stdlib: configuration.stdlib(),
            undefined_toolchain: configuration.undefined_toolchain(),
            describes_compiler: configuration.describes_compiler,
            file: configuration.file,
            files_read: configuration.files_read,
        }
    }
}

impl From<Data> for Configuration {
    fn from(data: Data) -> Configuration {
        Configuration {
            file: data.file,
            files_read: data.files_read,
            describes_compiler: data.describes_compiler,
            undefined_toolchain: data
                .undefined_toolchain
                .map(|name| sys::bytes(name.into()).into()),
            ..Configuration::new(data.search_path, data.stdlib)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_survives_json() {
        let configuration = Configuration::new(["/a".into(), "b".into()], "/std");
        let json = serde_json::to_string(&configuration).expect("serializable");
        assert_eq!(
            json,
            r#"{"file":null,"files_read":[],"search_path":["/a","b"],"stdlib":"/std"}"#
        );
        assert_eq!(
            serde_json::from_str::<Configuration>(&json).expect("deserializable"),
            configuration
        );
    }
}

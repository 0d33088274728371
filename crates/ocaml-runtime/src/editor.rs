//! What an editor needs to help with a plugin.

use crate::interface::Interface;

impl Interface {
    /// The files of a folder for plugin authors, as name and text: the interface as an `.mli`, and what dune and
    /// Merlin need to know of it. Plugins beside them see the interface's types by their plain names, as they do
    /// when they are loaded; `dune build @check` type-checks them, and editors complete them.
    ///
    /// ```
    /// use ocaml_runtime::Interface;
    ///
    /// let interface = Interface::builder("Greeter")
    ///     .function::<(String,), String>("greet")
    ///     .build()?;
    /// let files = interface.editor_files();
    /// let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    /// assert_eq!(names, ["greeter.mli", "dune-project", "dune", ".merlin"]);
    /// assert!(files[0].1.ends_with("module type S = sig\n  val greet : string -> string\nend\n"));
    /// # Ok::<(), ocaml_runtime::interface::Error>(())
    /// ```
    #[must_use]
    pub fn editor_files(&self) -> Vec<(String, String)> {
        files(self.name(), &self.mli())
    }
}

/// As [`Interface::editor_files`], of an interface that is there as text: the name of its module, and its `.mli`.
#[must_use]
pub fn files(module: &str, mli: &str) -> Vec<(String, String)> {
    let unit = uncapitalised(module);
    let dune = format!(
        "(library\n (name {unit}_interface)\n (wrapped false)\n (modules {unit})\n \
         (modules_without_implementation {unit}))\n\n\
         (library\n (name plugins)\n (modules :standard \\ {unit})\n (libraries {unit}_interface)\n \
         (flags (:standard -open {module})))\n"
    );
    let merlin =
        format!("S .\nB .\nB _build/default/.{unit}_interface.objs/byte\nFLG -open {module}\n");
    vec![
        (format!("{unit}.mli"), mli.to_owned()),
        ("dune-project".to_owned(), "(lang dune 2.0)\n".to_owned()),
        ("dune".to_owned(), dune),
        (".merlin".to_owned(), merlin),
    ]
}

fn uncapitalised(module: &str) -> String {
    let mut letters = module.chars();
    match letters.next() {
        Some(first) => first.to_ascii_lowercase().to_string() + letters.as_str(),
        None => String::new(),
    }
}

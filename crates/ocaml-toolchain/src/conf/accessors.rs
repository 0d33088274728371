//! The typed accessors of a configuration.

use super::{Conf, Error};

/// Fields that hold `true` or `false`.
const BOOLEANS: [&str; 11] = [
    "asm_cfi_supported",
    "with_frame_pointers",
    "systhread_supported",
    "flambda",
    "flat_float_array",
    "function_sections",
    "supports_shared_libraries",
    "native_compiler",
    "native_dynlink",
    "naked_pointers",
    "tsan",
];

/// Fields that hold a number of bits.
const NUMBERS: [&str; 2] = ["int_size", "word_size"];

/// The magic numbers that start each kind of file the compiler writes, 12 bytes each, such as `Caml1999I030`.
///
/// They change with the compiler: a `.cmxs` loads only where `cmxs` is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MagicNumbers<'a> {
    /// Byte-code executables.
    pub exec: Option<&'a str>,
    /// Compiled interfaces.
    pub cmi: Option<&'a str>,
    /// Byte-code objects.
    pub cmo: Option<&'a str>,
    /// Byte-code libraries.
    pub cma: Option<&'a str>,
    /// Native-code descriptions.
    pub cmx: Option<&'a str>,
    /// Native-code libraries.
    pub cmxa: Option<&'a str>,
    /// Native-code plugins.
    pub cmxs: Option<&'a str>,
    /// Typed trees.
    pub cmt: Option<&'a str>,
    /// Marshalled syntax trees of implementations: what a `-ppx` program reads and writes.
    pub ast_impl: Option<&'a str>,
    /// Marshalled syntax trees of interfaces.
    pub ast_intf: Option<&'a str>,
}

impl MagicNumbers<'_> {
    /// The first and second number of the OCaml whose compiled files begin so: `Caml1999A030` is of OCaml 4.13. The number of
    /// every kind of file goes up with each such version (`utils/config.mlp`, from 5.2 on `utils/config.common.ml.in`).
    ///
    /// `None` for what is no file of OCaml, and of versions that this crate does not know.
    ///
    /// ```
    /// use ocaml_toolchain::conf::MagicNumbers;
    ///
    /// assert_eq!(MagicNumbers::series(b"Caml1999I035, and what follows"), Some((5, 3)));
    /// assert_eq!(MagicNumbers::series(b"\x7fELF"), None);
    /// ```
    pub fn series(head: &[u8]) -> Option<(u32, u32)> {
        let number = head.strip_prefix(b"Caml1999")?.get(1..4)?;
        match std::str::from_utf8(number).ok()?.parse::<u32>().ok()? {
            number @ 25..=31 => Some((4, number - 17)),
            number @ 32..=36 => Some((5, number - 32)),
            _ => None,
        }
    }
}

impl Conf {
    /// `architecture`, such as `amd64` or `arm64`.
    pub fn architecture(&self) -> &str {
        self.get("architecture").unwrap_or_default()
    }

    /// `system`, such as `linux` or `macosx`.
    pub fn system(&self) -> &str {
        self.get("system").unwrap_or_default()
    }

    /// `os_type`: `Unix`, `Win32` or `Cygwin`.
    pub fn os_type(&self) -> Option<&str> {
        self.text("os_type")
    }

    /// `model`: a variant of the architecture, `default` for most.
    pub fn model(&self) -> Option<&str> {
        self.text("model")
    }

    /// `host`: the triple of the machine the compiler runs on.
    pub fn host(&self) -> Option<&str> {
        self.text("host")
    }

    /// `target`: the triple of the machine the compiler compiles for.
    pub fn target(&self) -> Option<&str> {
        self.text("target")
    }

    /// `c_compiler`: the C compiler, without flags.
    pub fn c_compiler(&self) -> Option<&str> {
        self.text("c_compiler")
    }

    /// `native_c_compiler`: the command that compiles C to link with native code, with flags.
    pub fn native_c_compiler(&self) -> Option<&str> {
        self.text("native_c_compiler")
    }

    /// `bytecomp_c_compiler`: the command that compiles C to link with byte code, with flags.
    pub fn bytecomp_c_compiler(&self) -> Option<&str> {
        self.text("bytecomp_c_compiler")
    }

    /// `native_c_libraries`: linker flags for every native executable, such as `-lm`.
    pub fn native_c_libraries(&self) -> Vec<&str> {
        self.words("native_c_libraries")
    }

    /// `bytecomp_c_libraries`: linker flags for every byte-code executable with C in it.
    pub fn bytecomp_c_libraries(&self) -> Vec<&str> {
        self.words("bytecomp_c_libraries")
    }

    /// `compression_c_libraries`: linker flags for programs that read compressed compiled files, such as `-lzstd`;
    /// empty before OCaml 5.1, where nothing is compressed. Programs made from compiler-libs need them.
    pub fn compression_c_libraries(&self) -> Vec<&str> {
        self.words("compression_c_libraries")
    }

    /// `native_pack_linker`: the command that joins objects, with flags, such as `["ld", "-r", "-o"]`.
    pub fn native_pack_linker(&self) -> Vec<&str> {
        self.words("native_pack_linker")
    }

    /// `asm`: the assembler with its flags, such as `["as"]`. Empty in a byte-code only compiler.
    pub fn asm(&self) -> Vec<&str> {
        self.words("asm")
    }

    /// `ext_exe`: the extension of executables; `Some("")` on Unix.
    pub fn ext_exe(&self) -> Option<&str> {
        self.get("ext_exe")
    }

    /// `ext_obj`: the extension of object files, such as `.o`.
    pub fn ext_obj(&self) -> Option<&str> {
        self.text("ext_obj")
    }

    /// `ext_asm`: the extension of assembly files, such as `.s`.
    pub fn ext_asm(&self) -> Option<&str> {
        self.text("ext_asm")
    }

    /// `ext_lib`: the extension of static libraries, such as `.a`.
    pub fn ext_lib(&self) -> Option<&str> {
        self.text("ext_lib")
    }

    /// `ext_dll`: the extension of shared libraries, such as `.so`.
    pub fn ext_dll(&self) -> Option<&str> {
        self.text("ext_dll")
    }

    /// `default_executable_name`: what the compiler writes without `-o`.
    pub fn default_executable_name(&self) -> Option<&str> {
        self.text("default_executable_name")
    }

    /// `word_size`, in bits.
    pub fn word_size(&self) -> Option<u32> {
        self.number("word_size")
    }

    /// `int_size`: the bits of an OCaml `int`, one fewer than a word.
    pub fn int_size(&self) -> Option<u32> {
        self.number("int_size")
    }

    /// `flambda`: whether the flambda optimiser is in.
    pub fn flambda(&self) -> Option<bool> {
        self.boolean("flambda")
    }

    /// `with_frame_pointers`: whether native code keeps frame pointers.
    pub fn with_frame_pointers(&self) -> Option<bool> {
        self.boolean("with_frame_pointers")
    }

    /// `flat_float_array`: whether arrays of floats are unboxed.
    pub fn flat_float_array(&self) -> Option<bool> {
        self.boolean("flat_float_array")
    }

    /// `function_sections`: whether the compiler can put each function in a section of its own.
    pub fn function_sections(&self) -> Option<bool> {
        self.boolean("function_sections")
    }

    /// `asm_cfi_supported`: whether the assembler takes `.cfi` directives.
    pub fn asm_cfi_supported(&self) -> Option<bool> {
        self.boolean("asm_cfi_supported")
    }

    /// `supports_shared_libraries`: whether `.cmxs` and `dll*.so` files can be made and loaded.
    pub fn supports_shared_libraries(&self) -> Option<bool> {
        self.boolean("supports_shared_libraries")
    }

    /// `native_dynlink`: whether native code can be loaded at run time; older compilers do not print it.
    pub fn native_dynlink(&self) -> Option<bool> {
        self.boolean("native_dynlink")
    }

    /// `tsan`: whether native code is instrumented for ThreadSanitizer; compilers before 5.2 do not print it.
    pub fn tsan(&self) -> Option<bool> {
        self.boolean("tsan")
    }

    /// `systhread_supported`: whether the `threads` library is there.
    pub fn systhread_supported(&self) -> Option<bool> {
        self.boolean("systhread_supported")
    }

    /// `native_compiler`: whether the distribution has `ocamlopt`; older compilers do not print it.
    pub fn native_compiler(&self) -> Option<bool> {
        self.boolean("native_compiler")
    }

    /// `naked_pointers`: whether OCaml values may point outside the heap; OCaml 5 forbids it.
    pub fn naked_pointers(&self) -> Option<bool> {
        self.boolean("naked_pointers")
    }

    /// The `*_magic_number` fields.
    pub fn magic_numbers(&self) -> MagicNumbers<'_> {
        MagicNumbers {
            exec: self.text("exec_magic_number"),
            cmi: self.text("cmi_magic_number"),
            cmo: self.text("cmo_magic_number"),
            cma: self.text("cma_magic_number"),
            cmx: self.text("cmx_magic_number"),
            cmxa: self.text("cmxa_magic_number"),
            cmxs: self.text("cmxs_magic_number"),
            cmt: self.text("cmt_magic_number"),
            ast_impl: self.text("ast_impl_magic_number"),
            ast_intf: self.text("ast_intf_magic_number"),
        }
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.get(field).filter(|value| !value.is_empty())
    }

    fn words(&self, field: &str) -> Vec<&str> {
        self.get(field)
            .unwrap_or_default()
            .split_whitespace()
            .collect()
    }

    // `check_types` has seen these values: `ok` drops nothing.
    fn boolean(&self, field: &str) -> Option<bool> {
        self.text(field).and_then(|value| value.parse().ok())
    }

    fn number(&self, field: &str) -> Option<u32> {
        self.text(field).and_then(|value| value.parse().ok())
    }

    pub(super) fn check_types(&self) -> Result<(), Error> {
        let check = |field: &'static str, fine: fn(&str) -> bool, expected| match self.text(field) {
            Some(value) if !fine(value) => Err(Error::Type {
                field,
                value: value.into(),
                expected,
            }),
            _ => Ok(()),
        };
        BOOLEANS.into_iter().try_for_each(|field| {
            check(
                field,
                |value| value.parse::<bool>().is_ok(),
                "`true` or `false`",
            )
        })?;
        NUMBERS
            .into_iter()
            .try_for_each(|field| check(field, |value| value.parse::<u32>().is_ok(), "a number"))
    }
}

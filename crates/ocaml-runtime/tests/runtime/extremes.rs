//! Values at the edge: of their types, and of memory.

use ocaml_runtime::types::{Array, Bigarray, Bytes, RawString};
use ocaml_runtime::{
    Function, Host, Interface, OcamlValue, PluginInterface, call, convert, interface,
};

use crate::support::{self, load};

#[derive(Debug, OcamlValue)]
struct Flat {
    a: f64,
    b: f64,
}

#[derive(Debug, OcamlValue)]
enum Boxed {
    Float(f64),
}

#[interface]
trait Floats {
    fn bits(&self, float: f64) -> call::Result<(bool, f64)>;
    fn flat(&self, flat: Flat) -> call::Result<Flat>;
    fn boxed(&self, boxed: Boxed) -> call::Result<Boxed>;
    fn list(&self, floats: &[f64]) -> call::Result<Vec<f64>>;
    fn array(&self, floats: Array<f64>) -> call::Result<Array<f64>>;
    fn bigarray(&self, floats: Bigarray<f64>) -> call::Result<Bigarray<f64>>;
}

const FLOATS: &str = "
let bits x = (Float.is_nan x, x)
let flat x = { a = x.b; b = x.a }
let boxed (Float x) = Float x
let list l = List.map Sys.opaque_identity l
let array a = Array.map Sys.opaque_identity a
let bigarray a = a
";

#[test]
fn every_float_keeps_its_bits_wherever_it_stands() {
    let payload = f64::from_bits(0x7ff8_0000_dead_beef);
    let floats = [
        f64::NAN,
        payload,
        -0.0,
        0.0,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE / 4.0,
    ];
    let bits = |floats: &[f64]| -> Vec<u64> { floats.iter().map(|x| x.to_bits()).collect() };
    for image in support::images() {
        let plugin = load::<dyn Floats>(image, FLOATS);
        for float in floats {
            let (is_nan, back) = plugin.bits(float).unwrap();
            assert_eq!((is_nan, back.to_bits()), (float.is_nan(), float.to_bits()));
            let Flat { a, b } = plugin.flat(Flat { a: float, b: 1.0 }).unwrap();
            assert_eq!(bits(&[a, b]), bits(&[1.0, float]));
            let Boxed::Float(back) = plugin.boxed(Boxed::Float(float)).unwrap();
            assert_eq!(back.to_bits(), float.to_bits());
        }
        let expected = bits(&floats);
        assert_eq!(bits(&plugin.list(&floats).unwrap()), expected);
        assert_eq!(
            bits(&plugin.array(Array(floats.to_vec())).unwrap().0),
            expected
        );
        assert_eq!(
            bits(&plugin.bigarray(Bigarray(floats.to_vec())).unwrap().0),
            expected
        );
    }
}

#[interface]
trait Texts {
    fn length(&self, text: &str) -> call::Result<i64>;
    fn with_zero(&self) -> call::Result<String>;
    fn broken(&self, at: i64) -> call::Result<String>;
    fn raw(&self, at: i64) -> call::Result<RawString>;
    fn bytes(&self, bytes: Bytes) -> call::Result<Bytes>;
}

const TEXTS: &str = r#"
let length = String.length
let with_zero () = "a\000b\000"
let broken at = String.make at 'a' ^ "\xff" ^ "b"
let raw = broken
let bytes b = Bytes.map (fun c -> Char.chr (255 - Char.code c)) b
"#;

#[test]
fn strings_may_hold_zeros_and_only_utf8_becomes_a_string_of_rust() {
    for image in support::images() {
        let plugin = load::<dyn Texts>(image, TEXTS);
        assert_eq!(plugin.length("a\0b\0").unwrap(), 4);
        assert_eq!(plugin.with_zero().unwrap(), "a\0b\0");
        for at in [0, 5, 40_000] {
            let error = plugin.broken(at).unwrap_err();
            let call::Kind::Convert(error) = error.kind() else {
                panic!("{error}")
            };
            let valid_up_to = at as usize;
            assert_eq!(error.kind(), &convert::Kind::Utf8 { valid_up_to });
            let raw = plugin.raw(at).unwrap().0;
            assert_eq!((raw.len(), raw[valid_up_to]), (valid_up_to + 2, 0xff));
        }
        let all: Vec<u8> = (0..=255).collect();
        let reversed: Vec<u8> = (0..=255).rev().collect();
        assert_eq!(plugin.bytes(Bytes(all)).unwrap(), Bytes(reversed));
    }
}

#[test]
fn a_broken_string_given_to_a_function_of_the_application_is_an_exception() {
    let host = Host::new("Utf8").function("length", |(text,): (String,)| text.len());
    let interface = Interface::builder("Broken")
        .host(host.signature())
        .function::<(), String>("try_it")
        .build()
        .unwrap();
    for image in support::images() {
        image.runtime.offer(&host);
        let body = r#"let try_it () = try string_of_int (Utf8.length "ab\xff") with Saddlebag_host.Host_error m -> m"#;
        let try_it: Function<(), String> =
            image.plugin(&interface, body).function("try_it").unwrap();
        let message = try_it.call(()).unwrap();
        assert_eq!(message, "argument 1: the string is not UTF-8 after 2 bytes");
    }
}

#[interface]
trait Long {
    fn iota(&self, n: i64) -> call::Result<Vec<i64>>;
    fn last(&self, numbers: &[i64]) -> call::Result<i64>;
    fn names(&self, names: &[String]) -> call::Result<i64>;
    fn echo(&self, text: &str) -> call::Result<String>;
}

const LONG: &str = "
let iota n = let rec go acc n = if n = 0 then acc else go (n :: acc) (n - 1) in go [] n
let last l = List.fold_left (fun _ n -> n) 0 l
let names l = List.fold_left (fun sum name -> sum + String.length name) 0 l
let echo s = s
";

fn is_long() -> bool {
    std::env::var_os("RUNTIME_STRESS").is_some()
}

/// Ten million elements where the long tests run (`RUNTIME_STRESS` is set), else fewer.
#[test]
fn stress_a_long_list_needs_no_stack() {
    let Some(image) = support::native() else {
        return;
    };
    let long = load::<dyn Long>(image, LONG);
    let length = if is_long() { 10_000_000 } else { 1_000_000 };
    // On a small stack, which a conversion that recurses would overflow.
    let thread = std::thread::Builder::new().stack_size(256 << 10);
    let thread = thread.spawn(move || {
        let numbers = long.iota(length as i64).unwrap();
        assert_eq!(
            (numbers.len(), numbers[length - 1]),
            (length, length as i64)
        );
        assert_eq!(long.last(&numbers).unwrap(), length as i64);
        let names = vec!["abc".to_owned(); 1_000_000];
        assert_eq!(long.names(&names).unwrap(), 3_000_000);
    });
    thread.unwrap().join().unwrap();
}

/// A gigabyte where the long tests run (`RUNTIME_STRESS` is set), else less.
#[test]
fn stress_a_large_string_goes_both_ways() {
    let Some(image) = support::native() else {
        return;
    };
    let length = if is_long() { 1 << 30 } else { 32 << 20 };
    let long = load::<dyn Long>(image, LONG);
    let text = "x".repeat(length);
    let back = long.echo(&text).unwrap();
    assert!(back == text, "{} of {length} bytes", back.len());
}

#[test]
fn a_plugin_with_a_wrong_missing_or_hidden_value_is_refused() {
    let interface = <dyn Long>::interface();
    for image in support::images() {
        let wrong = LONG.replace("let echo s = s", "let echo s = String.length s");
        let error = image.try_compile_plugin(interface, &wrong).err().unwrap();
        assert!(
            error.contains("string -> int") && error.contains("string -> string"),
            "{error}"
        );
        let missing = LONG.replace("let echo s = s", "");
        let error = image.try_compile_plugin(interface, &missing).err().unwrap();
        assert!(
            ["`echo'", "\"echo\"", "value echo is required"]
                .iter()
                .any(|words| error.contains(words)),
            "{error}"
        );
        // What is the right type inside of a module is another one outside.
        let hidden = "module Text : sig type t val of_string : string -> t end = struct
                        type t = string
                        let of_string text = text
                      end
                      let echo = Text.of_string";
        let hidden = LONG.replace("let echo s = s", hidden);
        let error = image.try_compile_plugin(interface, &hidden).err().unwrap();
        assert!(error.contains("string -> Text.t"), "{error}");
        // What the interface does not ask for is the plugin's own affair.
        let extra = format!("{LONG}\ntype extra\nlet extra (x : extra) = x");
        assert!(image.try_compile_plugin(interface, &extra).is_ok());
    }
}

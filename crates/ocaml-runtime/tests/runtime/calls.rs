//! Ordinary calls.

use std::collections::BTreeMap;

use ocaml_runtime::types::{Array, Bytes, Int32, Int64, Nativeint, RawString, Uchar};
use ocaml_runtime::{Function, Interface, call, convert, module};

use crate::support;

#[test]
fn a_string_function_of_a_plugin_is_called_with_str() {
    let interface = Interface::builder("Greeter")
        .value::<String>("name")
        .function::<(String,), String>("greet")
        .build()
        .unwrap();
    for image in support::images() {
        let module = image.plugin(
            &interface,
            "let name = \"greeter\"\nlet greet who = \"Hello, \" ^ who ^ \"!\"",
        );
        assert_eq!(module.value::<String>("name").unwrap(), "greeter");
        let greet: Function<(String,), String> = module.function("greet").unwrap();
        assert_eq!(greet.call(("Ada",)).unwrap(), "Hello, Ada!");
        assert_eq!(greet.call((String::from("a\0b"),)).unwrap(), "Hello, a\0b!");
    }
}

#[test]
fn functions_of_each_arity_get_their_arguments_in_order() {
    type I = i64;
    let interface = Interface::builder("Arity")
        .function::<(), I>("f0")
        .function::<(I,), I>("f1")
        .function::<(I, I), I>("f2")
        .function::<(I, I, I), I>("f3")
        .function::<(I, I, I, I), I>("f4")
        .function::<(String, String, I, I, I), String>("f5")
        .function::<(I, I, I, I, I, I, I, I, I, I), I>("f10")
        .build()
        .unwrap();
    for image in support::images() {
        let module = image.plugin(
            &interface,
            "let f0 () = 7 let f1 a = a + 1 let f2 a b = a - b let f3 a b c = (a * b) - c
             let f4 a b c d = a + 10 * b + 100 * c + 1000 * d
             let f5 a b c d e = Printf.sprintf \"%s %s %d %d %d\" a b c d e
             let f10 a b c d e f g h i j = a + 2*b + 3*c + 4*d + 5*e + 6*f + 7*g + 8*h + 9*i + 10*j",
        );
        assert_eq!(module.function::<(), I>("f0").unwrap().call(()).unwrap(), 7);
        assert_eq!(
            module
                .function::<(I,), I>("f1")
                .unwrap()
                .call((41,))
                .unwrap(),
            42
        );
        assert_eq!(
            module
                .function::<(I, I), I>("f2")
                .unwrap()
                .call((5, 3))
                .unwrap(),
            2
        );
        assert_eq!(
            module
                .function::<(I, I, I), I>("f3")
                .unwrap()
                .call((5, 3, 1))
                .unwrap(),
            14
        );
        let f4 = module.function::<(I, I, I, I), I>("f4").unwrap();
        assert_eq!(f4.call((1, 2, 3, 4)).unwrap(), 4321);
        let f5 = module
            .function::<(String, String, I, I, I), String>("f5")
            .unwrap();
        assert_eq!(f5.call(("a", "b", 1, 2, 3)).unwrap(), "a b 1 2 3");
        let f10 = module
            .function::<(I, I, I, I, I, I, I, I, I, I), I>("f10")
            .unwrap();
        assert_eq!(f10.call((1, 2, 3, 4, 5, 6, 7, 8, 9, 10)).unwrap(), 385);
    }
}

/// Sends each value through an OCaml function and back, and compares what OCaml prints of it.
macro_rules! round_trips {
    ($($name:ident: $type:ty, $print:literal, [$($value:expr => $text:literal),* $(,)?];)*) => {
        #[test]
        fn each_type_of_the_table_keeps_its_values() {
            let mut builder = Interface::builder("Table");
            let mut body = String::new();
            $(
                builder = builder
                    .function::<($type,), $type>(concat!("id_", stringify!($name)))
                    .function::<($type,), String>(concat!("show_", stringify!($name)));
                body += concat!(
                    "let id_", stringify!($name), " x = Sys.opaque_identity x\n",
                    "let show_", stringify!($name), " x = ", $print, "\n"
                );
            )*
            let interface = builder.build().unwrap();
            for image in support::images() {
                let module = image.plugin(&interface, &body);
                $({
                    let id: Function<($type,), $type> =
                        module.function(concat!("id_", stringify!($name))).unwrap();
                    let show: Function<($type,), String> =
                        module.function(concat!("show_", stringify!($name))).unwrap();
                    $({
                        let value: $type = $value;
                        assert_eq!(show.call((&value,)).unwrap(), $text, stringify!($name));
                        assert_eq!(id.call((&value,)).unwrap(), value, stringify!($name));
                    })*
                })*
            }
        }
    };
}

round_trips! {
    unit: (), "match x with () -> \"()\"", [() => "()"];
    boolean: bool, "string_of_bool x", [true => "true", false => "false"];
    character: char, "Char.escaped x", ['a' => "a", '\0' => "\\000", 'ÿ' => "\\255"];
    int: i64, "string_of_int x", [
        0 => "0", -1 => "-1", (1 << 62) - 1 => "4611686018427387903", -(1 << 62) => "-4611686018427387904",
    ];
    small: i8, "string_of_int x", [i8::MIN => "-128", i8::MAX => "127"];
    unsigned: u32, "string_of_int x", [u32::MAX => "4294967295"];
    size: usize, "string_of_int x", [5 => "5"];
    int64: Int64, "Int64.to_string x", [
        Int64(i64::MAX) => "9223372036854775807", Int64(i64::MIN) => "-9223372036854775808",
    ];
    int32: Int32, "Int32.to_string x", [Int32(-5) => "-5", Int32(i32::MIN) => "-2147483648"];
    nativeint: Nativeint, "Nativeint.to_string x", [Nativeint(isize::MAX) => "9223372036854775807"];
    float: f64, "string_of_float x", [
        1.5 => "1.5", -0.0 => "-0.", f64::INFINITY => "inf", 5e-324 => "4.94065645841e-324",
    ];
    single: f32, "string_of_float x", [0.25 => "0.25"];
    long_string: String, "string_of_int (String.length x)", [
        "x".repeat(100_000) => "100000", "x".repeat(16 << 10) => "16384",
    ];
    string: String, "String.escaped x", [
        String::new() => "", "a\0b".to_owned() => "a\\000b", "é".to_owned() => "\\195\\169",
    ];
    bytes: Bytes, "Bytes.to_string (Bytes.escaped x)", [Bytes(vec![0, 255, 65]) => "\\000\\255A"];
    raw: RawString, "String.escaped x", [RawString(vec![255]) => "\\255"];
    uchar: Uchar, "string_of_int (Uchar.to_int x)", [Uchar('\u{10FFFF}') => "1114111"];
    option: Option<i64>, "match x with None -> \"none\" | Some n -> string_of_int n", [
        None => "none", Some(3) => "3",
    ];
    nested: Option<Option<()>>,
        "match x with None -> \"n\" | Some None -> \"sn\" | Some (Some ()) -> \"ssu\"", [
        None => "n", Some(None) => "sn", Some(Some(())) => "ssu",
    ];
    result: Result<i64, String>, "match x with Ok n -> string_of_int n | Error e -> e", [
        Ok(1) => "1", Err("no".to_owned()) => "no",
    ];
    pair: (i64, String), "let a, b = x in string_of_int a ^ b", [(1, "b".to_owned()) => "1b"];
    floats3: (f64, f64, f64), "let a, b, c = x in string_of_float (a +. b +. c)", [(1.0, 2.0, 4.0) => "7."];
    list: Vec<i64>, "String.concat \",\" (List.map string_of_int x)", [
        vec![] => "", vec![1, 2, 3] => "1,2,3",
    ];
    lists: Vec<Vec<String>>, "String.concat \";\" (List.map (String.concat \",\") x)", [
        vec![vec!["a".to_owned(), "b".to_owned()], vec![]] => "a,b;",
    ];
    float_list: Vec<f64>, "String.concat \",\" (List.map string_of_float x)", [vec![0.5, 1.0] => "0.5,1."];
    array: Array<i64>, "String.concat \",\" (Array.to_list (Array.map string_of_int x))", [
        Array(vec![]) => "", Array(vec![1, 2]) => "1,2",
    ];
    strings: Box<[String]>, "String.concat \",\" (Array.to_list x)", [
        vec!["a".to_owned(), "b".to_owned()].into() => "a,b",
    ];
    fixed: [bool; 2], "string_of_bool (x.(0) && not x.(1))", [[true, false] => "true"];
    float_array: Array<f64>, "string_of_float (Array.fold_left (+.) 0. x)", [
        Array(vec![]) => "0.", Array(vec![0.5, 1.0]) => "1.5", Array(vec![1.0; 5000]) => "5000.",
    ];
    long_array: Array<i64>, "string_of_int (Array.fold_left (+) 0 x)", [Array(vec![1; 5000]) => "5000"];
    boxed: Box<i64>, "string_of_int x", [Box::new(4) => "4"];
    map: BTreeMap<String, i64>, "string_of_int (List.assoc \"b\" x)", [
        BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]) => "2",
    ];
}

#[test]
fn a_function_is_an_argument_and_a_result() {
    type Int = Function<(i64,), i64>;
    let interface = Interface::builder("Higher")
        .function::<(i64,), Int>("adder")
        .function::<(Int, i64), i64>("twice")
        .build()
        .unwrap();
    for image in support::images() {
        let module = image.plugin(
            &interface,
            "let adder n = fun x -> x + n\nlet twice f x = f (f x)",
        );
        let adder = module.function::<(i64,), Int>("adder").unwrap();
        let twice = module.function::<(Int, i64), i64>("twice").unwrap();
        let three = adder.call((3,)).unwrap();
        image.runtime.compact().unwrap();
        assert_eq!(three.call((4,)).unwrap(), 7);
        assert_eq!(twice.call((&three, 1)).unwrap(), 7);
    }
}

#[test]
fn a_function_of_another_runtime_is_refused() {
    type Int = Function<(i64,), i64>;
    let (Some(one), Some(other)) = (support::native(), support::second_native()) else {
        return;
    };
    let interface = Interface::builder("Other")
        .function::<(i64,), Int>("adder")
        .function::<(Int, i64), i64>("twice")
        .build()
        .unwrap();
    let body = "let adder n = fun x -> x + n\nlet twice f x = f (f x)";
    let adder = one
        .plugin(&interface, body)
        .function::<(i64,), Int>("adder")
        .unwrap();
    let twice = other
        .plugin(&interface, body)
        .function::<(Int, i64), i64>("twice")
        .unwrap();
    let error = twice.call((adder.call((1,)).unwrap(), 1)).unwrap_err();
    let call::Kind::Convert(error) = error.kind() else {
        panic!("{error:?}")
    };
    assert_eq!(error.kind(), &convert::Kind::OtherRuntime);
}

#[test]
fn a_type_other_than_the_declared_one_is_refused() {
    let Some(image) = support::native() else {
        return;
    };
    let interface = Interface::builder("Typed")
        .function::<(i64,), i64>("f")
        .build()
        .unwrap();
    let module = image.plugin(&interface, "let f x = x");
    let error = module.function::<(String,), i64>("f").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`f` has type `int -> int`, not `string -> int`"
    );
    let error = module.function::<(i64,), i64>("g").unwrap_err();
    assert!(matches!(error, module::Error::Unknown { .. }));
}

#[test]
fn the_compiler_refuses_a_plugin_that_does_not_fit_at_the_users_line() {
    for image in support::images() {
        let interface = Interface::builder("Fit")
            .function::<(i64,), i64>("f")
            .build()
            .unwrap();
        let error = image
            .try_compile_plugin(&interface, "\nlet f x = x ^ 1")
            .err()
            .unwrap();
        assert!(error.contains("File \"plugin.ml\", line 2"), "{error}");
        let error = image
            .try_compile_plugin(&interface, "let f x = x ^ \"\"")
            .err()
            .unwrap();
        assert!(error.contains("Values do not match"), "{error}");
    }
}

#[test]
fn a_value_out_of_range_is_an_error_that_says_where() {
    let interface = Interface::builder("Range")
        .function::<(String, Vec<u64>), i64>("length")
        .function::<(i64,), u8>("narrow")
        .function::<(), String>("latin")
        .build()
        .unwrap();
    for image in support::images() {
        let module = image.plugin(
            &interface,
            "let length s l = List.length l let narrow x = x let latin () = \"abc\\255\"",
        );
        let length = module
            .function::<(String, Vec<u64>), i64>("length")
            .unwrap();
        let message = |error: call::Error| match error.into_kind() {
            call::Kind::Convert(error) => error.to_string(),
            other => panic!("{other:?}"),
        };
        let error = length.call(("x", vec![1, u64::MAX])).unwrap_err();
        assert_eq!(
            message(error),
            "argument 2: the integer 18446744073709551615 is out of range"
        );
        let narrow = module.function::<(i64,), u8>("narrow").unwrap();
        assert_eq!(
            message(narrow.call((256,)).unwrap_err()),
            "result: the integer 256 is out of range"
        );
        let latin = module.function::<(), String>("latin").unwrap();
        let error = message(latin.call(()).unwrap_err());
        assert_eq!(error, "result: the string is not UTF-8 after 3 bytes");
    }
}

#[test]
fn an_instance_has_a_state_of_its_own() {
    let interface = Interface::builder("Counter")
        .function::<(), i64>("next")
        .build()
        .unwrap();
    for image in support::images() {
        let compiled = image.compile_plugin(&interface, "let n = ref 0 let next () = incr n; !n");
        let unit = image.runtime.load(&compiled.path).unwrap();
        let one = ocaml_runtime::Module::instantiate(&interface, &unit).unwrap();
        let two = ocaml_runtime::Module::instantiate(&interface, &unit).unwrap();
        let next = one.function::<(), i64>("next").unwrap();
        assert_eq!((next.call(()).unwrap(), next.call(()).unwrap()), (1, 2));
        assert_eq!(
            two.function::<(), i64>("next").unwrap().call(()).unwrap(),
            1
        );
    }
}

#[test]
fn arguments_of_the_runtime_are_those_of_the_options() {
    let interface = Interface::builder("Argv")
        .value::<Vec<String>>("argv")
        .build()
        .unwrap();
    for image in support::images() {
        let module = image.plugin(&interface, "let argv = Array.to_list Sys.argv");
        assert_eq!(
            module.value::<Vec<String>>("argv").unwrap(),
            ["test-program", "first"]
        );
    }
}

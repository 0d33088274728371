//! Traits as interfaces, derived types, host traits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ocaml_runtime::{Function, Interface, OcamlValue, PluginInterface, call, host, interface};

use crate::support::{self, load};

#[derive(Debug, Clone, PartialEq, OcamlValue)]
enum Colour {
    Red,
    Rgb(i64, i64, i64),
    Green,
    Grey { level: f64, name: String },
    Wrapped((i64, String)),
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Point {
    x: f64,
    y: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, OcamlValue)]
enum Size {
    Small,
    Large,
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Mixed {
    #[ocaml(mutable)]
    count: i64,
    r#type: String,
    ratio: f64,
    where_: Point,
    sizes: Vec<Size>,
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Pair<A, B> {
    left: A,
    right: Option<B>,
    both: Vec<(A, B)>,
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
enum Tree {
    Leaf,
    Node(Box<Tree>, i64, Box<Tree>),
    Many {
        children: Vec<Tree>,
        labels: BTreeMap<String, Forest>,
    },
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Forest(Vec<Tree>);

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Metres(f64);

#[derive(Debug, Clone, PartialEq, OcamlValue)]
#[ocaml(unboxed)]
struct Id {
    id: String,
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
#[ocaml(unboxed)]
enum Tag {
    Tag(f64),
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Measures {
    plain: Metres,
    tag: Tag,
    boxed: Box<f64>,
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Triple(i64, String, Id);

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Marker;

#[derive(Debug, Clone, PartialEq, OcamlValue)]
#[ocaml(polymorphic)]
enum Shape {
    Point,
    Circle(f64),
    LongName(String, i64),
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Adapted {
    #[ocaml(as = "int64")]
    big: u64,
    #[ocaml(as = "int32")]
    small: i16,
    #[ocaml(as = "nativeint")]
    native: isize,
    #[ocaml(as = "array")]
    floats: Vec<f64>,
    #[ocaml(as = "array")]
    words: Vec<String>,
    #[ocaml(as = "list")]
    row: [i64; 2],
    #[ocaml(as = "bytes")]
    bytes: Vec<u8>,
    #[ocaml(as = "string")]
    raw: Box<[u8]>,
    #[ocaml(as = "uchar")]
    letter: char,
    #[ocaml(as = "map")]
    prices: BTreeMap<String, f64>,
    #[ocaml(as = "set")]
    numbers: BTreeSet<i64>,
}

/// Checks the declaration and the value's way to OCaml and back: `show` is an OCaml expression over `x`.
macro_rules! value_tests {
    ($($test:ident: $type:ty, $name:literal, $show:literal, [$($value:expr => $text:literal),* $(,)?];)*) => {$(
        #[test]
        fn $test() {
            let interface = Interface::builder("Value")
                .function::<($type,), $type>("id")
                .function::<($type,), String>("show")
                .build()
                .unwrap();
            let expected = concat!("val id : ", $name, " -> ", $name, "\n");
            assert!(interface.signature().contains(expected), "{}", interface.signature());
            for image in support::images() {
                let body = concat!("let id x = Gc.full_major (); x let show x = ", $show);
                let module = image.plugin(&interface, body);
                let id: Function<($type,), $type> = module.function("id").unwrap();
                let show: Function<($type,), String> = module.function("show").unwrap();
                $({
                    let value: $type = $value;
                    assert_eq!(show.call((&value,)).unwrap(), $text);
                    assert_eq!(id.call((&value,)).unwrap(), value);
                })*
            }
        }
    )*};
}

fn leaf(n: i64) -> Box<Tree> {
    Box::new(Tree::Node(Box::new(Tree::Leaf), n, Box::new(Tree::Leaf)))
}

value_tests! {
    constructors_are_numbered_by_kind: Colour, "colour",
        "match x with Red -> \"red\" | Rgb (a, b, c) -> Printf.sprintf \"%d %d %d\" a b c | Green -> \"green\"
         | Grey { level; name } -> Printf.sprintf \"%g %s\" level name | Wrapped (n, s) -> Printf.sprintf \"%d%s\" n s", [
        Colour::Red => "red", Colour::Green => "green", Colour::Rgb(1, 2, 3) => "1 2 3",
        Colour::Grey { level: 0.5, name: "mid".to_owned() } => "0.5 mid",
        Colour::Wrapped((4, "w".to_owned())) => "4w",
    ];
    a_record_of_floats_is_flat: Point, "point", "Printf.sprintf \"%g %g %d\" x.x x.y (Obj.tag (Obj.repr x))", [
        Point { x: 1.5, y: -0.5 } => "1.5 -0.5 254",
    ];
    a_mixed_record_boxes_its_floats: Mixed, "mixed",
        "x.count <- x.count + 1; let s = Printf.sprintf \"%d %s %g %g %d\" x.count x.type_ x.ratio x.where_.y
         (List.length (List.filter (fun s -> s = Large) x.sizes)) in x.count <- x.count - 1; s", [
        Mixed {
            count: 4, r#type: "t".to_owned(), ratio: 2.5, where_: Point { x: 0.0, y: 8.0 },
            sizes: vec![Size::Large, Size::Small],
        } => "5 t 2.5 8 1",
    ];
    a_generic_record_has_type_parameters: Pair<f64, f64>, "(float, float) pair",
        "Printf.sprintf \"%g %d %d\" x.left (List.length x.both) (Obj.tag (Obj.repr x))", [
        Pair { left: 1.0, right: None, both: vec![(1.0, 2.0)] } => "1 1 0",
    ];
    a_recursive_type_is_declared_with_what_it_needs: Tree, "tree",
        "let rec sum = function Leaf -> 0 | Node (l, n, r) -> sum l + n + sum r
         | Many { children; labels } -> List.fold_left (fun a t -> a + sum t) 0
             (children @ List.concat_map (fun (_, f) -> (f : forest)) labels)
         in string_of_int (sum x)", [
        Tree::Leaf => "0",
        Tree::Node(leaf(1), 2, leaf(3)) => "6",
        Tree::Many {
            children: vec![*leaf(4), Tree::Leaf],
            labels: BTreeMap::from([("a".to_owned(), Forest(vec![*leaf(5)]))]),
        } => "9",
    ];
    a_newtype_is_its_field: Metres, "metres", "string_of_float x", [Metres(2.5) => "2.5"];
    an_unboxed_record_is_its_field: Id, "id", "x.id", [Id { id: "i".to_owned() } => "i"];
    an_unboxed_constructor_is_its_field: Tag, "tag", "match x with Tag f -> string_of_float f", [
        Tag::Tag(0.5) => "0.5",
    ];
    a_record_of_unboxed_floats_is_flat: Measures, "measures",
        "Printf.sprintf \"%g %d\" (x.plain +. (match x.tag with Tag t -> t) +. x.boxed) (Obj.tag (Obj.repr x))", [
        Measures { plain: Metres(1.0), tag: Tag::Tag(2.0), boxed: Box::new(4.0) } => "7 254",
    ];
    a_tuple_struct_is_a_tuple: Triple, "triple", "let n, s, i = x in string_of_int n ^ s ^ i.id", [
        Triple(1, "s".to_owned(), Id { id: "i".to_owned() }) => "1si",
    ];
    a_unit_struct_is_unit: Marker, "marker", "match x with () -> \"unit\"", [Marker => "unit"];
    polymorphic_variants_are_hashes: Shape, "shape",
        "match x with `Point -> \"p\" | `Circle r -> string_of_float r | `LongName (s, n) -> s ^ string_of_int n", [
        Shape::Point => "p", Shape::Circle(0.5) => "0.5", Shape::LongName("x".to_owned(), 3) => "x3",
    ];
    fields_can_choose_another_type: Adapted, "adapted",
        "let module Prices = Map.Make (String) in let module Numbers = Set.Make (Int) in
         Printf.sprintf \"%Ld %ld %nd %g %s %d %s %s %d %g %b\" x.big x.small x.native (Array.fold_left (+.) 0. x.floats)
         (String.concat \",\" (Array.to_list x.words)) (List.length x.row) (Bytes.to_string x.bytes) x.raw
         (Uchar.to_int x.letter) (Prices.find \"b\" x.prices) (Numbers.mem 5 x.numbers)", [
        Adapted {
            big: i64::MAX as u64, small: -3, native: isize::MIN, floats: vec![0.5, 1.0], words: vec!["a".to_owned()],
            row: [1, 2], bytes: vec![65], raw: Box::new([66, 67]), letter: 'é',
            prices: BTreeMap::from([("a".to_owned(), 1.0), ("b".to_owned(), 0.25)]), numbers: BTreeSet::from([5]),
        } => "9223372036854775807 -3 -9223372036854775808 1.5 a 2 A BC 233 0.25 true",
    ];
    arrays_of_newtypes_of_floats_are_flat: ocaml_runtime::types::Array<Tag>, "tag array",
        "string_of_int (Obj.tag (Obj.repr x) + Array.length x)", [
        ocaml_runtime::types::Array(vec![Tag::Tag(1.0), Tag::Tag(2.0)]) => "256",
    ];
}

#[host]
trait Bank {
    fn rate(&self, currency: &str) -> Result<f64, String>;
    fn log(&self, line: &str, level: Size);
    fn total(&self, points: &[Point]) -> f64;
    #[ocaml(result)]
    fn find(&self, id: &Id) -> Result<Option<Point>, String>;
}

#[derive(Default)]
struct TestBank {
    lines: AtomicUsize,
}

impl Bank for TestBank {
    fn rate(&self, currency: &str) -> Result<f64, String> {
        if currency == "EUR" {
            Ok(1.5)
        } else {
            Err(format!("no rate for {currency}"))
        }
    }

    fn log(&self, line: &str, level: Size) {
        assert_eq!((line, level), ("priced", Size::Large));
        self.lines.fetch_add(1, Ordering::Relaxed);
    }

    fn total(&self, points: &[Point]) -> f64 {
        points.iter().map(|point| point.x).sum()
    }

    fn find(&self, id: &Id) -> Result<Option<Point>, String> {
        match id.id.as_str() {
            "origin" => Ok(Some(Point { x: 0.0, y: 0.0 })),
            "nowhere" => Ok(None),
            other => Err(other.to_owned()),
        }
    }
}

/// Prices and points.
#[interface(host = dyn Bank)]
trait Pricing {
    /// The plugin's name.
    #[ocaml(constant)]
    fn name(&self) -> &str;
    #[ocaml(constant)]
    fn size(&self) -> Size;
    fn price(&self, currency: &str, point: &Point) -> call::Result<f64>;
    fn total(&self, points: &[Point]) -> call::Result<f64>;
    fn describe(
        &self,
        #[ocaml(label)] colour: Colour,
        #[ocaml(optional = "times")] n: Option<i64>,
    ) -> call::Result<String>;
    fn find(&self, id: &str) -> call::Result<Result<Option<Point>, String>>;
    fn reset(&self) -> Result<(), Box<dyn std::error::Error>>;
}

const PRICING: &str = r#"
let name = "test"
let size = Large
let price currency point = Bank.log "priced" Large; point.x *. Bank.rate currency
let total points = Bank.total points
let describe ~colour ?(times = 1) =
  ignore times; match colour with Red -> "red" | _ -> "other"
let find id = Bank.find { id }
let reset () = failwith "not now"
"#;

#[test]
fn a_trait_is_an_interface_and_a_handle() {
    for image in support::images() {
        let bank = Arc::new(TestBank::default());
        image.runtime.offer_host::<dyn Bank>(bank.clone());
        let plugin = load::<dyn Pricing>(image, PRICING);
        assert_eq!((plugin.name(), plugin.size()), ("test", Size::Large));
        let point = Point { x: 2.0, y: 0.0 };
        assert_eq!(plugin.price("EUR", &point).unwrap(), 3.0);
        assert!(
            plugin
                .price("XXX", &point)
                .unwrap_err()
                .to_string()
                .ends_with("no rate for XXX")
        );
        assert_eq!(plugin.total(&[point.clone(), point]).unwrap(), 4.0);
        assert_eq!(plugin.describe(Colour::Red, None).unwrap(), "red");
        assert_eq!(plugin.find("nowhere").unwrap(), Ok(None));
        assert_eq!(
            plugin.find("origin").unwrap(),
            Ok(Some(Point { x: 0.0, y: 0.0 }))
        );
        assert_eq!(plugin.find("x").unwrap(), Err("x".to_owned()));
        assert!(plugin.reset().unwrap_err().to_string().contains("not now"));
        assert_eq!(bank.lines.load(Ordering::Relaxed), 2);
        let shared: Arc<dyn Pricing> = Arc::new(plugin);
        let elsewhere = Arc::clone(&shared);
        let total = std::thread::spawn(move || elsewhere.total(&[]).unwrap())
            .join()
            .unwrap();
        assert_eq!(total, 0.0);
    }
}

#[test]
fn the_interface_of_a_trait_is_text_that_users_can_read() {
    let text = <dyn Pricing>::interface().mli();
    assert_eq!(
        text,
        "\
type size = Small | Large
type point = { x : float; y : float }
type colour = Red | Rgb of int * int * int | Green | Grey of { level : float; name : string } | Wrapped of (int * string)
type id = { id : string } [@@unboxed]
module Bank : sig
  val rate : string -> float
  val log : string -> size -> unit
  val total : point list -> float
  val find : id -> (point option, string) result
end
module type S = sig
  val name : string
  val size : size
  val price : string -> point -> float
  val total : point list -> float
  val describe : colour:colour -> ?times:int -> string
  val find : string -> (point option, string) result
  val reset : unit -> unit
end
"
    );
}

#[test]
fn a_module_of_another_interface_is_not_bound() {
    let Some(image) = support::native() else {
        return;
    };
    let interface = Interface::builder("Pricing").build().unwrap();
    let module = image.plugin(&interface, "");
    assert!(<dyn Pricing as PluginInterface>::bind(module).is_err());
}

#[test]
fn lists_of_any_length_keep_their_elements() {
    type Rows = Vec<Mixed>;
    let interface = Interface::builder("Rows")
        .function::<(Rows,), Rows>("id")
        .function::<(Rows, String), i64>("letters")
        .build()
        .unwrap();
    let row = |n: usize| Mixed {
        count: n as i64,
        // Every seventh is too large for one small allocation.
        r#type: "x".repeat(if n % 7 == 3 { 5000 } else { n }),
        ratio: n as f64,
        where_: Point {
            x: 1.0,
            y: n as f64,
        },
        sizes: vec![Size::Large; n % 3],
    };
    for image in support::images() {
        let module = image.plugin(
            &interface,
            "let id l = Gc.minor (); l
             let letters l s = List.fold_left (fun n r -> n + String.length r.type_) (String.length s) l",
        );
        let id: Function<(Rows,), Rows> = module.function("id").unwrap();
        let letters: Function<(Rows, String), i64> = module.function("letters").unwrap();
        for length in (0..40).chain([500]) {
            let rows: Rows = (0..length).map(row).collect();
            assert_eq!(id.call((&rows,)).unwrap(), rows);
            let expected: usize = rows.iter().map(|row| row.r#type.len()).sum();
            assert_eq!(letters.call((&rows, "ab")).unwrap(), expected as i64 + 2);
        }
    }
}

#[test]
fn the_interface_for_editors_type_checks_plugins() {
    let Some(image) = support::byte() else { return };
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in <dyn Pricing>::interface().editor_files() {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    image
        .compile_in(directory.path(), &["-c", "pricing.mli"])
        .unwrap();
    std::fs::write(directory.path().join("good.ml"), PRICING).unwrap();
    image
        .compile_in(directory.path(), &["-open", "Pricing", "-c", "good.ml"])
        .unwrap();
    let bad = "let price currency point = point.z";
    std::fs::write(directory.path().join("bad.ml"), bad).unwrap();
    let error = image.compile_in(directory.path(), &["-open", "Pricing", "-c", "bad.ml"]);
    assert!(error.unwrap_err().contains("bad.ml\", line 1"));
}

#[test]
fn maps_and_sets_of_every_size_are_those_of_the_standard_library() {
    type Numbers = ocaml_runtime::types::Map<i64, String>;
    type Letters = ocaml_runtime::types::Set<String>;
    let interface = Interface::builder("Trees")
        .function::<(Numbers,), Numbers>("insert")
        .function::<(Numbers,), bool>("is_balanced")
        .function::<(Letters,), Letters>("complement")
        .build()
        .unwrap();
    let body = "
        module M = Map.Make (Int) module S = Set.Make (String)
        type tree = Empty | Node of { l : tree; v : int; d : string; r : tree; h : int }
        let rec height = function Empty -> 0 | Node { l; r; h; _ } ->
          let l = height l and r = height r in assert (abs (l - r) <= 2 && h = max l r + 1); h
        let is_balanced m = ignore (height (Obj.magic m : tree));
          M.for_all (fun n s -> M.find n m == s && string_of_int n = s) m
        let insert m = Gc.minor (); M.add 7 \"seven\" (M.remove 3 m)
        let complement s = S.diff (S.of_list [ \"a\"; \"\\000\"; \"b\" ]) s";
    for image in support::images() {
        let module = image.plugin(&interface, body);
        let insert: Function<(Numbers,), Numbers> = module.function("insert").unwrap();
        let is_balanced: Function<(Numbers,), bool> = module.function("is_balanced").unwrap();
        for size in (0..40).chain([1000, 100_000]) {
            let map = (0..size).map(|n| (n - 20, (n - 20).to_string()));
            let mut map = ocaml_runtime::types::Map(map.collect());
            assert!(is_balanced.call((&map,)).unwrap(), "{size}");
            let inserted = insert.call((&map,)).unwrap();
            map.0.remove(&3);
            map.0.insert(7, "seven".to_owned());
            assert_eq!(inserted, map);
        }
        let complement: Function<(Letters,), Letters> = module.function("complement").unwrap();
        let given = ocaml_runtime::types::Set(["b", "é"].map(str::to_owned).into());
        let got = complement.call((given,)).unwrap().0;
        assert_eq!(got, ["\0", "a"].map(str::to_owned).into());
    }
}

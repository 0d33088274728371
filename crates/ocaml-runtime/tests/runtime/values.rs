//! Values that are no copies, and those without a type of their own: objects of the application, roots, bigarrays, dynamic values.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ocaml_runtime::types::{Bigarray, Dynamic, Opaque, OpaqueType, Rooted};
use ocaml_runtime::{Function, Host, Interface, call, convert};

use crate::support;

#[test]
fn an_object_of_the_application_comes_back_and_is_dropped() {
    struct Session {
        user: String,
        dropped: Arc<AtomicUsize>,
    }
    impl Drop for Session {
        fn drop(&mut self) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
    impl OpaqueType for Session {
        const NAME: &'static str = "session";
    }
    struct Other;
    impl OpaqueType for Other {
        const NAME: &'static str = "other";
    }
    let host = Host::new("Sessions").function("user", |(session,): (Opaque<Session>,)| {
        session.user.clone()
    });
    let interface = Interface::builder("Opaques")
        .host(host.signature())
        .function::<(Opaque<Session>,), String>("user")
        .function::<(Opaque<Session>, Opaque<Session>), (Opaque<Session>, bool)>("same")
        .function::<(Opaque<Session>,), Opaque<Other>>("forged")
        .build()
        .unwrap();
    for image in support::images() {
        image.runtime.offer(&host);
        let dropped = Arc::new(AtomicUsize::new(0));
        let module = image.plugin(
            &interface,
            "let user s = Gc.full_major (); Sessions.user s let same a b = (a, a = b) let forged s = Obj.magic s",
        );
        let session = |user: &str| {
            Opaque::new(Session {
                user: user.to_owned(),
                dropped: Arc::clone(&dropped),
            })
        };
        let user: Function<(Opaque<Session>,), String> = module.function("user").unwrap();
        assert_eq!(user.call((session("ada"),)).unwrap(), "ada");
        let kept = session("kept");
        type Two = (Opaque<Session>, Opaque<Session>);
        let same: Function<Two, (Opaque<Session>, bool)> = module.function("same").unwrap();
        let (back, equal) = same.call((&kept, session("b"))).unwrap();
        assert!(Arc::ptr_eq(back.as_arc(), kept.as_arc()) && !equal);
        let forged: Function<(Opaque<Session>,), Opaque<Other>> =
            module.function("forged").unwrap();
        assert!(forged.call((&kept,)).is_err());
        drop((kept, back));
        image.runtime.compact().unwrap();
        image.runtime.compact().unwrap();
        assert_eq!(dropped.load(Ordering::Relaxed), 3);
    }
}

#[test]
fn a_rooted_value_stays_in_ocaml() {
    let interface = Interface::builder("Kept")
        .function::<(i64,), Rooted<Vec<String>>>("make")
        .function::<(Rooted<Vec<String>>,), i64>("length")
        .build()
        .unwrap();
    for image in support::images() {
        let module = image.plugin(
            &interface,
            "let make n = List.init n string_of_int let length = List.length",
        );
        let make: Function<(i64,), Rooted<Vec<String>>> = module.function("make").unwrap();
        let length: Function<(Rooted<Vec<String>>,), i64> = module.function("length").unwrap();
        let many: Vec<_> = (0..100).map(|n| make.call((n,)).unwrap()).collect();
        image.runtime.compact().unwrap();
        for (n, list) in many.iter().enumerate() {
            assert_eq!(length.call((list,)).unwrap(), n as i64);
        }
        assert_eq!(many[2].get().unwrap(), ["0", "1"]);
        std::thread::spawn(move || drop(many)).join().unwrap();
        // The cells of dropped roots are unregistered before they are freed.
        image.runtime.compact().unwrap();
        assert_eq!(length.call((make.call((3,)).unwrap(),)).unwrap(), 3);
    }
}

#[test]
fn bigarrays_are_copied_with_their_kind() {
    let interface = Interface::builder("Big")
        .function::<(Bigarray<f64>,), Bigarray<f32>>("halve")
        .function::<(Bigarray<u8>,), Bigarray<i64>>("widen")
        .build()
        .unwrap();
    for image in support::images() {
        let module = image.plugin(
            &interface,
            "open Bigarray
             let map kind f a = Array1.init kind c_layout (Array1.dim a) (fun i -> f a.{i})
             let halve a = map float32 (fun x -> x /. 2.) a
             let widen a = map int64 Int64.of_int a",
        );
        let halve: Function<(Bigarray<f64>,), Bigarray<f32>> = module.function("halve").unwrap();
        assert_eq!(
            halve.call((Bigarray(vec![1.0, -3.0]),)).unwrap(),
            Bigarray(vec![0.5, -1.5])
        );
        assert_eq!(halve.call((Bigarray(vec![]),)).unwrap(), Bigarray(vec![]));
        let widen: Function<(Bigarray<u8>,), Bigarray<i64>> = module.function("widen").unwrap();
        let many = widen.call((Bigarray(vec![255; 100_000]),)).unwrap();
        assert_eq!(many, Bigarray(vec![255; 100_000]));
    }
}

#[test]
fn a_dynamic_value_has_any_shape() {
    let interface = Interface::builder("Any")
        .function::<(Dynamic,), Dynamic>("f")
        .build()
        .unwrap();
    for image in support::images() {
        let module = image.plugin(
            &interface,
            "let rec f = function Int n -> Int (n + 1) | List l -> List (List.map f l)
             | Map m -> Map (List.map (fun (k, v) -> (k, f v)) m) | other -> other",
        );
        let f: Function<(Dynamic,), Dynamic> = module.function("f").unwrap();
        let value = |n| {
            Dynamic::Map(BTreeMap::from([
                (
                    "a".to_owned(),
                    Dynamic::List(vec![Dynamic::Int(n), Dynamic::Null]),
                ),
                ("b".to_owned(), Dynamic::Float(f64::NEG_INFINITY)),
            ]))
        };
        assert_eq!(f.call((value(1),)).unwrap(), value(2));
    }
}

#[test]
fn a_cyclic_value_is_an_error_and_a_long_list_is_not() {
    let interface = Interface::builder("Cycles")
        .function::<(), Vec<i64>>("cycle")
        .function::<(i64,), Vec<i64>>("long")
        .function::<(Vec<i64>,), i64>("last")
        .function::<(), Dynamic>("nested")
        .build()
        .unwrap();
    for image in support::images() {
        let module = image.plugin(
            &interface,
            "let cycle () = let rec l = 1 :: 2 :: l in l
             let long n = let rec go acc n = if n = 0 then acc else go (n :: acc) (n - 1) in go [] n
             let last l = List.fold_left (fun _ n -> n) 0 l
             let nested () = let rec v = List [v] in v",
        );
        let kind = |error: call::Error| match error.into_kind() {
            call::Kind::Convert(error) => error.kind().clone(),
            other => panic!("{other:?}"),
        };
        let cycle: Function<(), Vec<i64>> = module.function("cycle").unwrap();
        assert_eq!(kind(cycle.call(()).unwrap_err()), convert::Kind::Cyclic);
        let nested: Function<(), Dynamic> = module.function("nested").unwrap();
        assert_eq!(kind(nested.call(()).unwrap_err()), convert::Kind::TooDeep);
        let long: Function<(i64,), Vec<i64>> = module.function("long").unwrap();
        let last: Function<(Vec<i64>,), i64> = module.function("last").unwrap();
        let list = long.call((3_000_000,)).unwrap();
        assert_eq!(last.call((&list,)).unwrap(), 3_000_000);
    }
}

#[test]
fn a_value_of_another_shape_is_an_error_where_the_header_tells() {
    let interface = Interface::builder("Forged")
        .function::<(), String>("text")
        .function::<(), Vec<(i64, String)>>("pairs")
        .function::<(), f64>("float")
        .function::<(), bool>("truth")
        .build()
        .unwrap();
    for image in support::images() {
        let module = image.plugin(
            &interface,
            "let text () = Obj.magic 5 let pairs () = Obj.magic [(1, 2)] let float () = Obj.magic \"x\"
             let truth () = Obj.magic 7",
        );
        assert!(
            module
                .function::<(), String>("text")
                .unwrap()
                .call(())
                .is_err()
        );
        assert!(
            module
                .function::<(), Vec<(i64, String)>>("pairs")
                .unwrap()
                .call(())
                .is_err()
        );
        assert!(
            module
                .function::<(), f64>("float")
                .unwrap()
                .call(())
                .is_err()
        );
        assert!(
            module
                .function::<(), bool>("truth")
                .unwrap()
                .call(())
                .is_err()
        );
    }
}

#[test]
fn large_strings_do_not_pile_up() {
    let interface = Interface::builder("Echo")
        .function::<(String,), String>("echo")
        .build()
        .unwrap();
    let Some(image) = support::native() else {
        return;
    };
    let echo: Function<(String,), String> = image
        .plugin(&interface, "let echo s = s")
        .function("echo")
        .unwrap();
    let text = "x".repeat(1 << 20);
    let before = support::resident_megabytes();
    for _ in 0..2000 {
        assert_eq!(echo.call((&text,)).unwrap().len(), text.len());
    }
    let grown = support::resident_megabytes().saturating_sub(before);
    assert!(grown < 500, "grew by {grown} MB for 2000 strings of 1 MB");
}

//! Loads: paths, files and threads that used to break them.

use std::fs;

use ocaml_runtime::{Function, Interface, Module, load};

use crate::support;

fn interface() -> Interface {
    Interface::builder("Loaded")
        .function::<(i64,), i64>("f")
        .build()
        .unwrap()
}

fn f(image: &support::Image, path: &std::path::Path) -> Function<(i64,), i64> {
    let unit = image.runtime.load(path).unwrap();
    let module = Module::instantiate(&interface(), &unit).unwrap();
    module.function("f").unwrap()
}

#[test]
fn a_new_file_at_an_old_path_runs_the_new_code() {
    for image in support::images() {
        let one = image.compile_plugin(&interface(), "let f x = x + 1");
        let two = image.compile_plugin(&interface(), "let f x = x + 2");
        let directory = tempfile::tempdir().unwrap();
        let extension = if image.is_native() { "cmxs" } else { "cmo" };
        let path = directory.path().join(format!("same.{extension}"));
        let mut functions = Vec::new();
        for compiled in [&one, &two, &one] {
            let aside = directory.path().join("aside");
            fs::copy(&compiled.path, &aside).unwrap();
            fs::rename(&aside, &path).unwrap();
            functions.push(f(image, &path));
        }
        let results: Vec<i64> = functions.iter().map(|f| f.call((10,)).unwrap()).collect();
        assert_eq!(results, [11, 12, 11]);
    }
}

#[test]
fn each_load_from_memory_is_a_unit_of_its_own() {
    for image in support::images() {
        let units = ["let f x = x + 1", "let f x = x + 2"]
            .map(|body| fs::read(image.compile_plugin(&interface(), body).path).unwrap());
        let load = |bytes: &[u8]| -> Function<(i64,), i64> {
            let unit = image.runtime.load_from_memory(bytes).unwrap();
            let module = Module::instantiate(&interface(), &unit).unwrap();
            module.function("f").unwrap()
        };
        // The descriptors have the same number, and the file of each is gone when the next is made.
        let functions = [&units[0], &units[1], &units[0]].map(|bytes| load(bytes));
        let results = functions.map(|f| f.call((10,)).unwrap());
        assert_eq!(results, [11, 12, 11]);
        assert!(image.runtime.load_from_memory(&units[0][..200]).is_err());
    }
}

#[test]
fn a_unit_for_the_same_image_is_loaded_without_being_compared() {
    for image in support::images() {
        let body = "let table = Hashtbl.create 3\n\
                    let f x = Gc.compact (); Hashtbl.replace table x (string_of_int x); Hashtbl.length table";
        let bytes = fs::read(image.compile_plugin(&interface(), body).path).unwrap();
        let load = || -> Function<(i64,), i64> {
            let unit = image.runtime.load_matching_from_memory(&bytes).unwrap();
            let module = Module::instantiate(&interface(), &unit).unwrap();
            module.function("f").unwrap()
        };
        let (first, second) = (load(), load());
        let results = [&first, &first, &second].map(|f| f.call((f as *const _ as i64,)).unwrap());
        assert_eq!(results, [1, 1, 1]);
        assert_eq!(first.call((7,)).unwrap(), 2);
    }
}

#[test]
fn a_unit_for_the_same_image_may_raise_and_may_be_refused() {
    for image in support::images() {
        let load = |name: &str, source: &str| {
            let bytes = fs::read(image.compile(name, source).path).unwrap();
            image.runtime.load_matching_from_memory(&bytes)
        };
        let raised = load("raising", "let () = failwith \"not today\"").unwrap_err();
        let load::Error::Raised { source, .. } = &raised else {
            panic!("{raised:?}");
        };
        assert!(source.to_string().contains("not today"), "{source}");
        // What is missing is said.
        let refused = load(
            "lacking",
            "external lacking : int -> int = \"no_such_function\" let () = ignore (lacking 1)",
        );
        let refused = refused.unwrap_err();
        assert!(
            matches!(&refused, load::Error::Refused { message, .. } if message.contains("no_such_function")),
            "{refused:?}"
        );
        let registers = "let () = Saddlebag_host.register \"ok\" (Obj.repr 1)";
        assert!(load("registering", registers).unwrap().find("ok").is_some());
    }
}

#[test]
fn a_unit_may_use_dynlink_itself() {
    // Loads the file of its argument, which in turn names Dynlink.
    let outer = "let load path = match Dynlink.loadfile path with\n\
                 | () -> \"\" | exception Dynlink.Error e -> Dynlink.error_message e";
    let interface = Interface::builder("Loading")
        .function::<(String,), String>("load")
        .build()
        .unwrap();
    let inner = "let () = if Dynlink.is_native then Saddlebag_host.register \"inner\" (Obj.repr 1)";
    let of_first = |image: &support::Image| {
        let compiled = image.compile_plugin(&interface, outer);
        let unit = image.runtime.load(&compiled.path).unwrap();
        let module = Module::instantiate(&interface, &unit).unwrap();
        let load: Function<(String,), String> = module.function("load").unwrap();
        let file = image.compile("inner", inner);
        let path = file.path.display().to_string();
        assert_eq!(load.call((path,)).unwrap(), "");
        // Another unit finds what is there by now.
        assert!(image.load("again", inner).find("inner").is_some() || !image.is_native());
    };
    support::images().into_iter().for_each(of_first);
    let Some(second) = support::second_native() else {
        return;
    };
    // Its symbols would be those of the other runtime.
    let bytes = fs::read(second.compile("elsewhere", inner).path).unwrap();
    let loaded = second.runtime.load_matching_from_memory(&bytes);
    if support::is_version_4() {
        assert!(
            matches!(&loaded, Err(load::Error::Refused { message, .. }) if message.contains("another OCaml")),
            "{loaded:?}"
        );
    } else {
        assert!(loaded.unwrap().find("inner").is_some());
    }
}

#[test]
fn one_file_loaded_twice_has_two_states() {
    for image in support::images() {
        let interface = Interface::builder("Stateful")
            .function::<(), i64>("next")
            .build()
            .unwrap();
        let source = format!(
            "{}let n = ref 0\nmodule P = struct let next () = incr n; !n end\n\
             let () = Saddlebag_host.register \"{}\" (Obj.repr (fun () -> Obj.repr (module P : S)))",
            interface.prelude(),
            interface.registered_name()
        );
        let compiled = image.compile("stateful", &source);
        let next = || -> Function<(), i64> {
            let unit = image.runtime.load(&compiled.path).unwrap();
            Module::instantiate(&interface, &unit)
                .unwrap()
                .function("next")
                .unwrap()
        };
        let first = next();
        assert_eq!((first.call(()).unwrap(), first.call(()).unwrap()), (1, 2));
        let second = next();
        assert_eq!((second.call(()).unwrap(), first.call(()).unwrap()), (1, 3));
    }
}

#[test]
fn a_failed_load_does_not_spoil_the_path() {
    for image in support::images() {
        let bad = image.compile("unit_a", "let () = failwith \"not today\"");
        let good = image.compile(
            "unit_b",
            "let () = Saddlebag_host.register \"ok\" (Obj.repr 1)",
        );
        let directory = tempfile::tempdir().unwrap();
        let extension = if image.is_native() { "cmxs" } else { "cmo" };
        let path = directory.path().join(format!("unit.{extension}"));
        fs::copy(&bad.path, &path).unwrap();
        assert!(matches!(
            image.runtime.load(&path),
            Err(load::Error::Raised { .. })
        ));
        fs::remove_file(&path).unwrap();
        fs::copy(&good.path, &path).unwrap();
        assert!(image.runtime.load(&path).unwrap().find("ok").is_some());
    }
}

#[test]
fn damaged_and_foreign_files_are_refused() {
    for image in support::images() {
        let directory = tempfile::tempdir().unwrap();
        let compiled = image.compile_plugin(&interface(), "let f x = x");
        let bytes = fs::read(&compiled.path).unwrap();
        let path = directory.path().join("cut.cmxs");
        for length in [0, 10, bytes.len() / 2] {
            fs::write(&path, &bytes[..length]).unwrap();
            let error = image.runtime.load(&path).unwrap_err();
            let refused = matches!(
                error,
                load::Error::Damaged { .. } | load::Error::Refused { .. }
            );
            assert!(refused || !image.is_native(), "{length}: {error:?}");
        }
        let missing = image
            .runtime
            .load(directory.path().join("missing.cmxs"))
            .unwrap_err();
        assert!(matches!(missing, load::Error::Read { .. }), "{missing:?}");
    }
}

#[test]
fn a_unit_that_is_no_plugin_of_the_interface_is_refused() {
    for image in support::images() {
        let unit = image.load(
            "other_unit",
            "let () = Saddlebag_host.register \"Other\" (Obj.repr 0)",
        );
        let error = Module::instantiate(&interface(), &unit).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("the unit registered [\"Other\"], not `Loaded:"),
            "{error}"
        );
        let name = interface().registered_name();
        let source = format!("let () = Saddlebag_host.register \"{name}\" (Obj.repr 0)");
        let unit = image.load("forged_unit", &source);
        let error = Module::instantiate(&interface(), &unit).unwrap_err();
        assert!(
            matches!(error, ocaml_runtime::module::Error::Shape { .. }),
            "{error:?}"
        );
    }
}

/// In a process of its own, since plugins find their image by its soname, which both have.
#[test]
fn a_plugin_fits_a_host_image_that_was_built_again() {
    if !support::is_child() {
        if support::native().is_some() {
            let (code, _, errors) =
                support::child("loading::a_plugin_fits_a_host_image_that_was_built_again");
            assert_eq!(code, Some(0), "{errors}");
        }
        return;
    }
    let image = support::native_built_again();
    let module = image.plugin(
        &interface(),
        "let f x = Saddlebag_host.host_function |> ignore; x + 1",
    );
    let f: Function<(i64,), i64> = module.function("f").unwrap();
    assert_eq!(f.call((1,)).unwrap(), 2);
}

#[test]
fn loads_from_many_threads_do_not_mix() {
    for image in support::images() {
        let compiled: Vec<_> = (0..8)
            .map(|n| image.compile_plugin(&interface(), &format!("let f x = x + {n}")))
            .collect();
        std::thread::scope(|scope| {
            for (n, compiled) in compiled.iter().enumerate() {
                scope.spawn(move || {
                    for _ in 0..10 {
                        assert_eq!(f(image, &compiled.path).call((0,)).unwrap(), n as i64);
                    }
                });
            }
        });
    }
}

#[test]
fn a_load_within_a_load_is_refused_and_within_a_lock_works() {
    let Some(image) = support::native() else {
        return;
    };
    let compiled = image.compile_plugin(&interface(), "let f x = x");
    let path = compiled.path.clone();
    let runtime = image.runtime;
    let host = ocaml_runtime::Host::new("Loads").fallible("load", move |()| {
        runtime
            .load(&path)
            .map(|_| ())
            .map_err(|error| error.to_string())
    });
    runtime.offer(&host);
    let source = "let () =
      let number = Saddlebag_host.host_function \"Loads.load : unit -> unit\" in
      match Saddlebag_host.call_host number () with
      | () -> failwith \"loaded\"
      | exception Saddlebag_host.Host_error m -> Saddlebag_host.register m (Obj.repr 0)";
    let unit = image.load("loads_in_a_load", source);
    assert!(
        unit.registered()[0]
            .0
            .contains("while another unit is being loaded")
    );
    let _lock = runtime.lock();
    assert!(runtime.load(&compiled.path).is_ok());
}

#[test]
fn the_same_image_opened_again_is_the_same_runtime() {
    let (Some(one), Some(two)) = (support::native(), support::second_native()) else {
        return;
    };
    let options = ocaml_runtime::open::Options::default();
    let again = ocaml_runtime::Runtime::open(one.runtime.path(), &options).unwrap();
    assert_eq!(again, one.runtime);
    assert_ne!(one.runtime, two.runtime);
}

#[test]
fn two_runtimes_work_side_by_side() {
    let images = support::images();
    let Some(second) = support::second_native() else {
        return;
    };
    let functions: Vec<_> = images
        .into_iter()
        .chain([second])
        .map(|image| {
            let compiled = image.compile_plugin(&interface(), "let f x = Gc.minor (); x + 1");
            (image, f(image, &compiled.path))
        })
        .collect();
    for round in 0..1000 {
        for (image, f) in &functions {
            assert_eq!(f.call((round,)).unwrap(), round + 1);
            if round % 100 == 0 {
                image.runtime.compact().unwrap();
            }
        }
    }
}

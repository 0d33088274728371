//! Plugins in byte code.

use code_sets::Code;
use dynloader::cache::CacheConfig;
use dynloader::{Evaluation, Loader, Options, SideEffect, Source, compile, load, loader, seal};
use futures_lite::future::block_on;
use ocaml_runtime::{Function, Interface};

use crate::support::{Succeed, byte_kit, chain, folder, kit};

fn byte_loader(options: Options) -> Option<Loader> {
    Some(Loader::new(byte_kit()?, options.code(Code::Byte)).succeed())
}

#[test]
fn plugins_are_compiled_loaded_and_called_as_in_native_code() {
    let Some(loader) = byte_loader(Options::default()) else {
        return;
    };
    let interface = Interface::builder("Twice")
        .function::<(i64,), i64>("twice")
        .build()
        .succeed();
    let sources = [
        Source::text("util.ml", "let two = 2"),
        Source::text("p.ml", "let twice x = Util.two * x"),
    ];
    let module = block_on(loader.load_module(&interface, &sources)).succeed();
    let twice: Function<(i64,), i64> = module.function("twice").succeed();
    assert_eq!(twice.call((21,)).succeed(), 42);
    block_on(loader.check_sources::<SideEffect>([Source::text("p.ml", "let () = ()")])).succeed();
    let effect = Source::text("p.ml", "let () = raise Exit");
    let delayed = block_on(loader.load_sources_without_running::<SideEffect>([&effect])).succeed();
    for _ in 0..2 {
        assert!(matches!(delayed.run(), Err(load::Error::Raised(_))));
    }
    let error = block_on(loader.load_sources::<SideEffect>([effect])).unwrap_err();
    assert!(chain(&error).contains("Exit"), "{}", chain(&error));
}

#[test]
fn wrong_sources_are_reported_as_in_native_code() {
    let Some(loader) = byte_loader(Options::default()) else {
        return;
    };
    let error = block_on(
        loader.check_sources::<SideEffect>([Source::text("p.ml", "\nlet x : int = \"\"")]),
    )
    .unwrap_err();
    let compile::Error::Rejected(rejection) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        rejection.diagnostics[0]
            .location
            .as_ref()
            .map(|place| place.line),
        Some(2)
    );
}

#[test]
fn the_two_codes_share_a_cache_and_refuse_each_others_files() {
    let folder = folder(&[]);
    let options = || Options::default().use_cache(CacheConfig::new(folder.path().join("cache")));
    let (Some(byte), Some(native)) = (byte_loader(options()), kit()) else {
        return;
    };
    let native = Loader::new(native, options()).succeed();
    let source = Source::text("p.ml", "let () = ()");
    for loader in [&byte, &native] {
        for from_cache in [false, true] {
            let compiled =
                block_on(loader.compile_sources::<SideEffect>([&source], Evaluation::AtLoad))
                    .succeed();
            assert_eq!(compiled.is_from_cache(), from_cache);
            block_on(loader.load_compiled::<SideEffect>(compiled)).succeed();
        }
    }
    let file = folder.path().join("byte");
    block_on(byte.compile_sources_to_file::<SideEffect>([&source], &file)).succeed();
    let error = native.load_file_blocking::<SideEffect>(&file).unwrap_err();
    let load::Error::Refused {
        source: seal::Error::Mismatch { what, .. },
        ..
    } = error
    else {
        panic!("{error:?}")
    };
    assert_eq!(what, seal::Aspect::Code);
}

#[test]
fn a_code_that_the_kit_has_not_is_refused_when_the_loader_is_created() {
    let Some(kit) = byte_kit() else { return };
    let error = Loader::new(kit.clone(), Options::default()).unwrap_err();
    assert!(matches!(error, loader::Error::Code { code: Code::Native }));
    let error = Loader::new(kit, Options::default().code(Code::Wasm)).unwrap_err();
    assert!(matches!(error, loader::Error::Code { code: Code::Wasm }));
}

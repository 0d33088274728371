//! What is passed without being copied: closures, the plugin's own abstract types, shared memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use ocaml_runtime::types::{Abstract, AbstractType, Bigarray, SharedBigarray};
use ocaml_runtime::{
    Function, HostError, Interface, OcamlValue, PluginInterface, call, convert, interface,
};

use crate::support::{self, load};

fn conversion(error: call::Error) -> convert::Kind {
    match error.into_kind() {
        call::Kind::Convert(error) => error.kind().clone(),
        other => panic!("{other:?}"),
    }
}

#[interface]
trait Lists {
    fn map(&self, f: &dyn Fn(i64) -> i64, numbers: &[i64]) -> call::Result<Vec<i64>>;
    fn fold(
        &self,
        #[ocaml(label)] f: &dyn Fn(String, i64) -> String,
        start: &str,
        numbers: &[i64],
    ) -> call::Result<String>;
    fn later(&self) -> call::Result<i64>;
    fn elsewhere(&self, f: &dyn Fn(i64) -> i64) -> call::Result<String>;
}

const LISTS: &str = r#"
let kept = ref (fun n -> n)
let map f l = kept := f; List.map f l
let fold ~f start l = Gc.compact (); List.fold_left f start l
let later () = !kept 1
let elsewhere f =
  let result = ref "" in
  Thread.join (Thread.create (fun () ->
    result := try string_of_int (f 1) with Saddlebag_host.Host_error m -> m) ());
  !result
"#;

#[test]
fn a_borrowed_closure_is_lent_for_the_time_of_the_call() {
    for image in support::images() {
        let lists = load::<dyn Lists>(image, LISTS);
        let calls = AtomicI64::new(0);
        let offset = String::from("ab");
        let add = |n: i64| {
            calls.fetch_add(1, Ordering::Relaxed);
            n + offset.len() as i64
        };
        assert_eq!(lists.map(&add, &[1, 2, 3]).unwrap(), [3, 4, 5]);
        assert_eq!(calls.load(Ordering::Relaxed), 3);
        let folded = lists.fold(&|text, n| format!("{text}{n}"), "x", &[1, 2]);
        assert_eq!(folded.unwrap(), "x12");
        let error = lists.later().unwrap_err().to_string();
        assert!(error.contains("lent for a call that is over"), "{error}");
        let text = lists.elsewhere(&add).unwrap();
        assert_eq!(text, "the function was lent to another thread");
        let nested = |n: i64| lists.map(&|m| m * 10, &[n]).unwrap()[0] + 1;
        assert_eq!(lists.map(&nested, &[1, 2]).unwrap(), [11, 21]);
    }
}

#[test]
fn a_panic_in_a_lent_closure_is_an_error_and_ends_the_loan() {
    for image in support::images() {
        let lists = load::<dyn Lists>(image, LISTS);
        let error = lists.map(&|n| panic!("no luck with {n}"), &[7]);
        let kind = error.unwrap_err().into_kind();
        assert!(
            matches!(&kind, call::Kind::HostPanic { message } if message == "no luck with 7"),
            "{kind:?}"
        );
        let error = lists.later().unwrap_err().to_string();
        assert!(error.contains("lent for a call that is over"), "{error}");
    }
}

#[derive(Debug, OcamlValue)]
struct Handler {
    name: String,
    run: Function<(i64, i64), i64>,
}

#[interface]
trait Handlers {
    fn keep(&self, handler: Handler) -> call::Result<()>;
    fn run(&self, a: i64, b: i64) -> call::Result<i64>;
    fn kept(&self) -> call::Result<Handler>;
    fn forget(&self) -> call::Result<()>;
}

const HANDLERS: &str = "
let none = { name = \"none\"; run = fun _ _ -> 0 }
let handler = ref none
let keep h = handler := h
let run a b = !handler.run a b
let kept () = { !handler with name = !handler.name ^ \"!\" }
let forget () = handler := none
";

#[test]
fn a_closure_given_for_good_runs_until_nobody_holds_it() {
    for image in support::images() {
        let handlers = load::<dyn Handlers>(image, HANDLERS);
        let counted = Arc::new(AtomicI64::new(0));
        let inside = Arc::clone(&counted);
        let run = image.runtime.function(move |(a, b): (i64, i64)| {
            inside.fetch_add(1, Ordering::Relaxed);
            a * b
        });
        let run = run.unwrap();
        assert_eq!(run.call((6, 7)).unwrap(), 42);
        let name = "times".to_owned();
        handlers.keep(Handler { name, run }).unwrap();
        image.runtime.compact().unwrap();
        assert_eq!(handlers.run(3, 4).unwrap(), 12);
        let kept = handlers.kept().unwrap();
        assert_eq!(kept.name, "times!");
        let elsewhere = std::thread::spawn(move || kept.run.call((5, 5)).unwrap());
        assert_eq!(elsewhere.join().unwrap(), 25);
        assert_eq!(counted.load(Ordering::Relaxed), 3);
        handlers.forget().unwrap();
        image.runtime.compact().unwrap();
        image.runtime.compact().unwrap();
        assert_eq!(Arc::strong_count(&counted), 1);
    }
}

#[test]
fn an_exception_of_a_nested_call_goes_through_a_closure() {
    for image in support::images() {
        let interface = Interface::builder("Through")
            .function::<(i64,), i64>("fail")
            .function::<(Function<(i64,), Result<i64, String>>,), String>("catch")
            .build()
            .unwrap();
        let module = image.plugin(
            &interface,
            "let fail n = failwith (string_of_int n)
             let catch f = match f 4 with Ok n -> string_of_int n | Error e -> e",
        );
        let fail: Function<(i64,), i64> = module.function("fail").unwrap();
        let describe = image.runtime.function(move |(n,): (i64,)| {
            let result = fail.call((n,)).map_err(HostError::from);
            result.map_err(|error| format!("{error:?}"))
        });
        type Describe = Function<(i64,), Result<i64, String>>;
        let catch: Function<(Describe,), String> = module.function("catch").unwrap();
        let text = catch.call((describe.unwrap(),)).unwrap();
        assert!(text.contains("Failure(\\\"4\\\")"), "{text}");
    }
}

struct State;

impl AbstractType for State {
    const NAME: &'static str = "state";
}

#[interface]
trait Counter {
    #[ocaml(constant)]
    fn empty(&self) -> &Abstract<State>;
    fn add(&self, state: &Abstract<State>, word: &str) -> call::Result<Abstract<State>>;
    fn all(&self, states: &[Abstract<State>]) -> call::Result<Option<i64>>;
    fn sum(&self, #[ocaml(as = "array")] states: &[Abstract<State>]) -> call::Result<i64>;
    fn keep(&self, f: &Function<(Abstract<State>,), i64>) -> call::Result<()>;
    fn run_kept(&self) -> call::Result<i64>;
    fn adder(&self) -> call::Result<Function<(Abstract<State>,), Abstract<State>>>;
    fn each(
        &self,
        state: &Abstract<State>,
        f: &dyn Fn(Abstract<State>) -> bool,
    ) -> call::Result<bool>;
}

const COUNTER: &str = "
type state = string list
let empty = []
let add state word = word :: state
let all states = Some (List.length (List.concat states))
let adder () = fun state -> \"more\" :: state
let sum states = List.length (List.concat (Array.to_list states))
let kept = ref (fun _ -> 0)
let keep f = kept := f
let run_kept () = !kept [ \"kept\" ]
let each state f = f (List.tl state)
";

/// The same interface with another representation.
const NUMBERS: &str = "
type state = int
let empty = 0
let add state _ = state + 1
let all states = Some (List.fold_left (+) 0 states)
let adder () = succ
let sum states = Array.fold_left (+) 0 states
let kept = ref (fun _ -> 0)
let keep f = kept := f
let run_kept () = !kept 1
let each state f = f (state - 1)
";

#[test]
fn a_value_of_the_plugins_own_type_is_kept_and_given_back() {
    for image in support::images() {
        for body in [COUNTER, NUMBERS] {
            let counter = load::<dyn Counter>(image, body);
            let one = counter.add(counter.empty(), "a").unwrap();
            let two = counter.add(&one, "b").unwrap();
            image.runtime.compact().unwrap();
            let three = counter.adder().unwrap().call((&two,)).unwrap();
            let elsewhere = counter.clone();
            let states = [one, two, three.clone()];
            let all = std::thread::spawn(move || elsewhere.all(&states).unwrap());
            assert_eq!(all.join().unwrap(), Some(6));
            let seen = |state: Abstract<State>| counter.all(&[state]).unwrap() == Some(2);
            assert!(counter.each(&three, &seen).unwrap());
            assert_eq!(counter.sum(&[three.clone(), three]).unwrap(), 6);
        }
    }
}

#[test]
fn a_value_of_another_instances_type_is_refused() {
    for image in support::images() {
        let lists = load::<dyn Counter>(image, COUNTER);
        let numbers = load::<dyn Counter>(image, NUMBERS);
        let other = convert::Kind::OtherInstance;
        let error = lists.add(numbers.empty(), "a").unwrap_err();
        assert_eq!(conversion(error), other);
        let states = [lists.empty().clone(), numbers.empty().clone()];
        assert_eq!(conversion(lists.all(&states).unwrap_err()), other);
        assert_eq!(conversion(lists.sum(&states).unwrap_err()), other);
        let adder = numbers.adder().unwrap();
        assert_eq!(conversion(adder.call((lists.empty(),)).unwrap_err()), other);
        let stolen = |state: Abstract<State>| {
            // The plugin that is being called is not the one that the value belongs to.
            conversion(numbers.all(&[state]).unwrap_err()) == convert::Kind::OtherInstance
        };
        let one = lists.add(lists.empty(), "a").unwrap();
        assert!(lists.each(&one, &stolen).unwrap());
        assert_eq!(numbers.all(&[]).unwrap(), Some(0));
    }
}

/// A closure keeps to the instance in whose call it was made, whichever is being called when it runs.
#[test]
fn a_closure_over_a_plugins_own_type_stays_with_its_instance() {
    for image in support::images() {
        let lists = load::<dyn Counter>(image, COUNTER);
        let numbers = load::<dyn Counter>(image, NUMBERS);
        let outside = image
            .runtime
            .function(|(_,): (Abstract<State>,)| 0i64)
            .unwrap();
        let error = lists.keep(&outside).unwrap_err();
        assert_eq!(conversion(error), convert::Kind::OtherInstance);
        let one = lists.add(lists.empty(), "a").unwrap();
        let own = lists.clone();
        let keep = |_: Abstract<State>| {
            let own = own.clone();
            let count = move |(state,): (Abstract<State>,)| own.all(&[state]).unwrap().unwrap();
            lists.keep(&image.runtime.function(count).unwrap()).unwrap();
            true
        };
        assert!(lists.each(&one, &keep).unwrap());
        let nested = |_: Abstract<State>| lists.run_kept().unwrap() == 1;
        let number = numbers.add(numbers.empty(), "").unwrap();
        assert!(numbers.each(&number, &nested).unwrap());
    }
}

#[test]
fn the_compiler_asks_for_the_plugins_own_type_and_allows_others() {
    let interface = <dyn Counter>::interface();
    for image in support::images() {
        let without = COUNTER.replace("type state = string list", "");
        let error = image.try_compile_plugin(interface, &without).err().unwrap();
        assert!(
            [
                "type `state' is required",
                "The type \"state\"",
                "type state is required"
            ]
            .iter()
            .any(|words| error.contains(words)),
            "{error}"
        );
        let more = format!("type hidden type 'a other = O of 'a\n{COUNTER}");
        load::<dyn Counter>(image, &more);
    }
}

#[derive(Debug, OcamlValue)]
struct Holder {
    state: Abstract<State>,
}

#[test]
fn the_plugins_own_type_is_refused_outside_its_signature() {
    let error = Interface::builder("Wrong")
        .function::<(Holder,), ()>("f")
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the type `state` of the plugin can only be used in the plugin's own functions and constants"
    );
}

#[interface]
trait Signals {
    fn fill(&self, signal: &SharedBigarray<f64>, with: f64) -> call::Result<()>;
    fn part(&self, signal: &SharedBigarray<f64>) -> call::Result<SharedBigarray<f64>>;
    fn make(&self, length: i64) -> call::Result<SharedBigarray<u8>>;
    fn sum(&self, signal: &SharedBigarray<f64>) -> call::Result<f64>;
    fn copied(&self, signal: Bigarray<f64>) -> call::Result<SharedBigarray<f64>>;
}

const SIGNALS: &str = "
open Bigarray
let fill = Array1.fill
let part a = Array1.sub a 1 2
let make n = Array1.init int8_unsigned c_layout n (fun i -> i land 255)
let sum a = let s = ref 0. in for i = 0 to Array1.dim a - 1 do s := !s +. a.{i} done; !s
let copied a = a
";

#[test]
fn a_shared_bigarray_is_one_memory_for_both_sides() {
    for image in support::images() {
        let signals = load::<dyn Signals>(image, SIGNALS);
        let numbers = vec![1.0, 2.0, 4.0, 8.0];
        let address = numbers.as_ptr() as usize;
        let shared = image.runtime.share(numbers).unwrap();
        let at = |shared: &SharedBigarray<f64>| shared.with(|all| all.as_ptr() as usize).unwrap();
        assert_eq!((at(&shared), shared.len().unwrap()), (address, 4));
        assert_eq!(signals.sum(&shared).unwrap(), 15.0);
        let part = signals.part(&shared).unwrap();
        assert_eq!(at(&part), address + 8);
        shared.with(|all| all[1].set(3.0)).unwrap();
        assert_eq!(part.to_vec().unwrap(), [3.0, 4.0]);
        // A call within sees, and changes, the same memory.
        let seen = shared.with(|all| {
            signals.fill(&part, 0.5).unwrap();
            all[2].get()
        });
        assert_eq!(seen.unwrap(), 0.5);
        drop(shared);
        image.runtime.compact().unwrap();
        image.runtime.compact().unwrap();
        assert_eq!(part.to_vec().unwrap(), [0.5, 0.5]);
        let bytes = signals.make(300).unwrap();
        assert_eq!(bytes.to_vec().unwrap()[254..258], [254, 255, 0, 1]);
        let copied = signals.copied(Bigarray(vec![1.5])).unwrap();
        assert_eq!(copied.to_vec().unwrap(), [1.5]);
        let empty = image.runtime.share(Vec::<f64>::new()).unwrap();
        assert!(empty.is_empty().unwrap());
        assert_eq!(signals.sum(&empty).unwrap(), 0.0);
    }
}

#[test]
fn shared_memory_goes_when_nobody_uses_it() {
    let Some(image) = support::native() else {
        return;
    };
    let signals = load::<dyn Signals>(image, SIGNALS);
    let before = support::resident_megabytes();
    for _ in 0..200 {
        let shared = image.runtime.share(vec![1.0; 1 << 18]).unwrap();
        let part = signals.part(&shared).unwrap();
        drop(shared);
        assert_eq!(signals.sum(&part).unwrap(), 2.0);
        drop(part);
        image.runtime.compact().unwrap();
    }
    let grown = support::resident_megabytes().saturating_sub(before);
    assert!(grown < 100, "grew by {grown} MB for 200 arrays of 2 MB");
}

#[test]
fn others_cannot_write_while_shared_memory_is_looked_at() {
    let Some(image) = support::native() else {
        return;
    };
    let signals = load::<dyn Signals>(image, SIGNALS);
    let shared = image.runtime.share(vec![1.0; 1000]).unwrap();
    std::thread::scope(|scope| {
        let writer = shared.with(|all| {
            let (started, begins) = std::sync::mpsc::channel();
            let (signals, shared) = (&signals, shared.clone());
            let writer = scope.spawn(move || {
                started.send(()).unwrap();
                signals.fill(&shared, 2.0).unwrap();
            });
            begins.recv().unwrap();
            // Would give the lock up, were the memory not looked at.
            image
                .runtime
                .blocking(|| std::thread::sleep(std::time::Duration::from_millis(50)));
            assert!(all.iter().all(|number| number.get() == 1.0));
            writer
        });
        writer.unwrap().join().unwrap();
    });
    assert_eq!(shared.to_vec().unwrap(), [2.0; 1000]);
}

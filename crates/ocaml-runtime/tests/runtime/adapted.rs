//! Arguments and results that go by another type of OCaml's than their own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ocaml_runtime::{call, host, interface};

use crate::support::{self, load};

#[host]
trait Ledger {
    #[ocaml(as = "map")]
    fn accounts(&self, #[ocaml(as = "array")] names: &[String]) -> BTreeMap<String, i64>;
    #[ocaml(as = "int64")]
    fn checksum(&self, #[ocaml(as = "bytes")] of: Vec<u8>) -> Result<u64, String>;
}

struct TestLedger;

impl Ledger for TestLedger {
    fn accounts(&self, names: &[String]) -> BTreeMap<String, i64> {
        let lengths = names.iter().map(|name| name.len() as i64);
        names.iter().cloned().zip(lengths).collect()
    }

    fn checksum(&self, of: Vec<u8>) -> Result<u64, String> {
        match of.as_slice() {
            [] => Err("nothing".to_owned()),
            bytes => Ok(u64::MAX / 2 - bytes.len() as u64),
        }
    }
}

#[interface(host = dyn Ledger)]
trait Books {
    #[ocaml(constant, as = "array")]
    fn weights(&self) -> &[f64];
    #[ocaml(as = "int64")]
    fn highest(
        &self,
        #[ocaml(as = "int64")] a: u64,
        #[ocaml(as = "int64")] b: i64,
    ) -> call::Result<i64>;
    fn total(&self, #[ocaml(as = "map")] prices: &BTreeMap<String, f64>) -> call::Result<f64>;
    #[ocaml(as = "map")]
    fn lengths(
        &self,
        #[ocaml(as = "set")] names: &BTreeSet<String>,
    ) -> call::Result<BTreeMap<String, i64>>;
    fn sum(&self, #[ocaml(as = "array", label)] numbers: &[f64]) -> call::Result<f64>;
    fn checksum(&self, #[ocaml(as = "string")] raw: &[u8]) -> call::Result<String>;
}

#[test]
fn arguments_and_results_can_choose_another_type() {
    let body = r#"
        module Names = Set.Make (String)
        module By_name = Map.Make (String)
        let weights = [| 0.5; 1. |]
        let highest a b = if Int64.compare a b > 0 then a else b
        let total prices = By_name.fold (fun _ price sum -> price +. sum) prices 0.
        let lengths names = Ledger.accounts (Array.of_list (Names.elements names))
        let sum ~numbers = Array.fold_left (+.) 0. numbers
        let checksum raw = try Int64.to_string (Ledger.checksum (Bytes.of_string raw))
          with Saddlebag_host.Host_error m -> m
    "#;
    for image in support::images() {
        image.runtime.offer_host::<dyn Ledger>(Arc::new(TestLedger));
        let books = load::<dyn Books>(image, body);
        assert_eq!(books.weights(), [0.5, 1.0]);
        assert_eq!(books.highest(i64::MAX as u64, 3).unwrap(), i64::MAX);
        let prices = BTreeMap::from([("a".to_owned(), 1.5), ("b".to_owned(), 2.0)]);
        assert_eq!(books.total(&prices).unwrap(), 3.5);
        let names: BTreeSet<String> = ["x", "yy"].map(str::to_owned).into();
        let lengths = BTreeMap::from([("x".to_owned(), 1), ("yy".to_owned(), 2)]);
        assert_eq!(books.lengths(&names).unwrap(), lengths);
        assert_eq!(books.sum(&[0.5; 400]).unwrap(), 200.0);
        assert_eq!(books.checksum(&[0, 255]).unwrap(), "9223372036854775805");
        assert_eq!(books.checksum(&[]).unwrap(), "nothing");
    }
    let too_large = i64::MAX as u64 + 1;
    if let Some(image) = support::native() {
        let error = load::<dyn Books>(image, body).highest(too_large, 0);
        let error = error.unwrap_err();
        let source = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(
            source,
            "argument 1: the integer 9223372036854775808 is out of range"
        );
    }
}

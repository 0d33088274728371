//! Pricing rules in OCaml: records and variants both ways, functions of the application, a deadline.
//!
//! ```text
//! cargo run -p saddlebag --example pricing
//! cargo run -p saddlebag --example pricing -- RULES.ml
//! cargo run -p saddlebag --example pricing -- --interface
//! ```
//! The second uses other rules; the third prints what rules are checked against.

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use saddlebag::runtime::call;
use saddlebag::{CancelToken, Compiler, OcamlValue, Options, PluginInterface, host, interface};

#[path = "../shared/report.rs"]
mod report;

/// The rules that are used when the command line names no others.
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/pricing/rules.ml");

#[derive(Debug, Clone, PartialEq, OcamlValue)]
enum Customer {
    Guest,
    Member { since: i64, points: i64 },
    Company(String),
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Line {
    product: String,
    quantity: i64,
    unit_price: f64,
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
struct Order {
    customer: Customer,
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, OcamlValue)]
enum Discount {
    Nothing,
    Percent(f64),
    Fixed { amount: f64, reason: String },
}

/// What rules can ask the application.
#[host]
trait Catalogue {
    /// How many of a product are in stock. An unknown product is an exception in OCaml.
    fn stock(&self, product: &str) -> Result<i64, String>;
}

/// What rules have to define; the OCaml compiler checks them against it.
#[interface(host = dyn Catalogue)]
trait Pricing {
    #[ocaml(constant)]
    fn name(&self) -> &str;
    fn discount(&self, order: &Order) -> call::Result<Discount>;
}

struct Warehouse;

impl Catalogue for Warehouse {
    fn stock(&self, product: &str) -> Result<i64, String> {
        match product {
            "kettle" => Ok(12),
            "teapot" => Ok(900),
            other => Err(format!("no product `{other}`")),
        }
    }
}

fn order(customer: Customer, product: &str, quantity: i64, unit_price: f64) -> Order {
    let product = product.to_owned();
    Order {
        customer,
        lines: vec![Line {
            product,
            quantity,
            unit_price,
        }],
    }
}

#[expect(clippy::print_stdout, reason = "an example shows its result")]
async fn price(rules: &str) -> Result<(), Box<dyn Error>> {
    let compiler = Compiler::create(Options::default()).await?;
    let runtime = compiler.loader().runtime().await?;
    runtime.offer_host::<dyn Catalogue>(Arc::new(Warehouse));
    let pricing = compiler.load::<dyn Pricing>([rules]).await?;
    println!("{}", pricing.name());
    let member = Customer::Member {
        since: 2019,
        points: 1250,
    };
    for order in [
        order(Customer::Company("ACME".to_owned()), "kettle", 10, 24.5),
        order(member, "kettle", 1, 24.5),
        order(Customer::Guest, "teapot", 4, 18.0),
        order(Customer::Guest, "samovar", 1, 310.0),
    ] {
        // Rules that do not come to an end are stopped.
        let deadline = CancelToken::after(Duration::from_millis(500));
        let product = &order.lines[0].product;
        match runtime.cancellable(&deadline, || pricing.discount(&order)) {
            Ok(discount) => println!("{product}: {discount:?}"),
            Err(error) => println!("{product}: no discount, {error}"),
        }
    }
    compiler.clean().await?;
    Ok(())
}

#[expect(clippy::print_stdout, reason = "an example shows its result")]
fn main() -> ExitCode {
    let argument = std::env::args().nth(1);
    if argument.as_deref() == Some("--interface") {
        print!("{}", <dyn Pricing>::interface().mli());
        return ExitCode::SUCCESS;
    }
    let rules = argument.unwrap_or_else(|| RULES.to_owned());
    report::exit(futures_lite::future::block_on(price(&rules)))
}

//! Sets of codes against `BTreeSet<Code>`, and the laws of restrictions.

use std::{
    cmp::Ordering,
    collections::{BTreeSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
};

use code_sets::{Code, CodeSet, Determined, Restriction, Unit, Wanted, check::Kind};
use proptest::{collection::vec, prelude::*, sample::select};

fn codes() -> impl Strategy<Value = Vec<Code>> {
    vec(select(&Code::ALL[..]), 0..6)
}

fn sets() -> impl Strategy<Value = CodeSet> {
    codes().prop_map(CodeSet::from_iter)
}

fn restrictions() -> impl Strategy<Value = Restriction> {
    prop_oneof![
        Just(Restriction::identity()),
        Just(Restriction::unique_favour_native()),
        sets().prop_map(Restriction::only),
        (sets(), sets()).prop_map(|(a, b)| Restriction::only(a).then(Restriction::only(b))),
    ]
}

fn model(set: CodeSet) -> BTreeSet<Code> {
    set.into_iter().collect()
}

fn hash(set: CodeSet) -> u64 {
    let mut hasher = DefaultHasher::new();
    set.hash(&mut hasher);
    hasher.finish()
}

/// One step that changes a set.
#[derive(Debug, Clone)]
enum Step {
    Insert(Code),
    Remove(Code),
    Extend(Vec<Code>),
    Union(CodeSet),
    Intersect(CodeSet),
    Subtract(CodeSet),
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        select(&Code::ALL[..]).prop_map(Step::Insert),
        select(&Code::ALL[..]).prop_map(Step::Remove),
        codes().prop_map(Step::Extend),
        sets().prop_map(Step::Union),
        sets().prop_map(Step::Intersect),
        sets().prop_map(Step::Subtract),
    ]
}

proptest! {
    #[test]
    fn a_set_is_the_set_of_the_codes_it_was_made_of(codes in codes()) {
        let set: CodeSet = codes.iter().copied().collect();
        let model: BTreeSet<Code> = codes.into_iter().collect();
        prop_assert!(set.iter().eq(model.iter().copied()));
        prop_assert!(set.iter().rev().eq(model.iter().rev().copied()));
        prop_assert_eq!(set.iter().len(), model.len());
        prop_assert_eq!(set.len(), model.len());
        prop_assert_eq!(set.is_empty(), model.is_empty());
        prop_assert_eq!(set.min(), model.first().copied());
        prop_assert_eq!(format!("{set:?}"), format!("{model:?}"));
        for code in Code::ALL {
            prop_assert_eq!(set.contains(code), model.contains(&code));
        }
    }

    #[test]
    fn two_sets_combine_and_compare_as_models_do(a in sets(), b in sets()) {
        let (model_a, model_b) = (model(a), model(b));
        prop_assert_eq!(model(a | b), &model_a | &model_b);
        prop_assert_eq!(model(a & b), &model_a & &model_b);
        prop_assert_eq!(model(a - b), &model_a - &model_b);
        prop_assert_eq!((a.union(b), a.intersection(b), a.difference(b)), (a | b, a & b, a - b));
        prop_assert_eq!(a.is_subset(b), model_a.is_subset(&model_b));
        prop_assert_eq!(a.is_superset(b), model_a.is_superset(&model_b));
        prop_assert_eq!(a.is_disjoint(b), model_a.is_disjoint(&model_b));
        prop_assert_eq!(a.cmp(&b), model_a.cmp(&model_b));
        prop_assert_eq!(a == b, model_a == model_b);
        prop_assert!(a != b || (a.cmp(&b) == Ordering::Equal && hash(a) == hash(b)));
    }

    #[test]
    fn a_set_follows_its_model_through_any_steps(steps in vec(steps(), 0..20)) {
        let mut set = CodeSet::NONE;
        let mut follower = BTreeSet::new();
        for step in steps {
            match step {
                Step::Insert(code) => prop_assert_eq!(set.insert(code), follower.insert(code)),
                Step::Remove(code) => prop_assert_eq!(set.remove(code), follower.remove(&code)),
                Step::Extend(codes) => {
                    set.extend(codes.iter().copied());
                    follower.extend(codes);
                }
                Step::Union(other) => {
                    set |= other;
                    follower = &follower | &model(other);
                }
                Step::Intersect(other) => {
                    set &= other;
                    follower = &follower & &model(other);
                }
                Step::Subtract(other) => {
                    set -= other;
                    follower = &follower - &model(other);
                }
            }
            prop_assert_eq!(model(set), follower.clone());
        }
    }

    #[test]
    fn iteration_from_both_ends_meets_once(set in sets(), ends in vec(any::<bool>(), 8)) {
        let mut codes = set.iter();
        let mut follower: std::collections::VecDeque<Code> = set.iter().collect();
        for front in ends {
            let (ours, theirs) = if front {
                (codes.next(), follower.pop_front())
            } else {
                (codes.next_back(), follower.pop_back())
            };
            prop_assert_eq!(ours, theirs);
            prop_assert_eq!(codes.len(), follower.len());
        }
    }

    #[test]
    fn sets_are_parsed_from_their_text(set in sets()) {
        prop_assert_eq!(set.to_string().parse(), Ok(set));
        prop_assert_eq!(Wanted::from(set).to_string().parse(), Ok(set));
    }

    #[test]
    fn what_is_wanted_is_parsed_from_its_text(codes in codes()) {
        let wanted = Wanted::Codes(codes);
        prop_assert_eq!(wanted.to_string().parse(), Ok(wanted));
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in "[a-z{}, ]{0,24}|\\PC{0,24}") {
        let _ = text.parse::<Code>();
        let _ = text.parse::<CodeSet>();
        let _ = text.parse::<Wanted>();
    }

    #[test]
    fn the_identity_is_neutral_and_composition_is_associative(
        a in restrictions(), b in restrictions(), c in restrictions(), set in sets(),
    ) {
        let apply = |restriction: Restriction| restriction.apply(set);
        prop_assert_eq!(apply(Restriction::identity().then(a.clone())), apply(a.clone()));
        prop_assert_eq!(apply(a.clone().then(Restriction::identity())), apply(a.clone()));
        prop_assert_eq!(
            apply(a.clone().then(b.clone()).then(c.clone())),
            apply(a.then(b.then(c)))
        );
    }

    #[test]
    fn unique_favour_native_leaves_native_else_the_least_code(set in sets()) {
        let expected = if set.contains(Code::Native) { Some(Code::Native) } else { model(set).first().copied() };
        let left = Restriction::unique_favour_native().apply(set).unwrap();
        prop_assert_eq!(left, expected.into_iter().collect::<CodeSet>());
    }

    #[test]
    fn a_restriction_succeeds_exactly_when_it_returns_a_subset(given in sets(), returned in sets()) {
        let restriction = Restriction::from_closure("Constant", move |_| returned);
        match restriction.apply(given) {
            Ok(codes) => prop_assert!(codes == returned && model(returned).is_subset(&model(given))),
            Err(error) => {
                prop_assert!(!model(returned).is_subset(&model(given)));
                prop_assert_eq!(error.restriction(), "Constant");
                prop_assert_eq!((error.given(), error.returned()), (given, returned));
            }
        }
    }

    #[test]
    fn auto_builds_the_union_of_what_executables_need(
        available in sets(),
        units in vec((any::<bool>(), restrictions()), 0..5),
    ) {
        let must_build: Vec<Unit> = units
            .iter()
            .map(|(executable, restriction)| {
                let unit = if *executable { Unit::executable("a") } else { Unit::library("b") };
                unit.with_restriction(restriction.clone())
            })
            .collect();
        let needed: Vec<CodeSet> = units
            .iter()
            .filter(|(executable, _)| *executable)
            .map(|(_, restriction)| restriction.apply(available).unwrap())
            .collect();
        let expected: BTreeSet<Code> = if needed.is_empty() {
            model(available)
        } else {
            needed.into_iter().flatten().collect()
        };
        let built = Determined::new(&Wanted::Auto, available, &must_build).unwrap().built();
        prop_assert_eq!(model(built), expected);
    }

    #[test]
    fn codes_by_name_are_built_exactly_when_all_are_available(codes in codes(), available in sets()) {
        let named: BTreeSet<Code> = codes.iter().copied().collect();
        match Determined::new(&Wanted::Codes(codes), available, &[]) {
            Ok(determined) => prop_assert_eq!(model(determined.built()), named),
            Err(_) => prop_assert!(!named.is_subset(&model(available))),
        }
    }

    #[test]
    fn checks_are_those_of_set_theory_and_advice_makes_them_succeed(
        (built, available) in (sets(), sets()).prop_map(|(a, b)| (a & b, b)),
        supported in sets(),
    ) {
        let determined = Determined::new(&built.into(), available, &[]).unwrap();
        let any = determined.check_any("a", supported);
        let all = determined.check_all("a", supported);
        prop_assert_eq!(any.is_ok(), model(supported).iter().any(|code| built.contains(*code)));
        prop_assert_eq!(all.is_ok(), model(supported).iter().all(|code| built.contains(*code)));
        for (error, possible) in [
            (any.err(), !(supported & available).is_empty()),
            (all.err(), supported.is_subset(available)),
        ] {
            let Some(error) = error else { continue };
            let Some(wanted) = error.ask_for() else {
                prop_assert!(!possible);
                continue;
            };
            prop_assert!(possible);
            let advised = Determined::new(&wanted, available, &[]).unwrap();
            prop_assert!(built.is_subset(advised.built()));
            let passes = match error.kind() {
                Kind::Any => advised.check_any("a", supported).is_ok(),
                Kind::All => advised.check_all("a", supported).is_ok(),
            };
            prop_assert!(passes);
        }
    }
}

//! The value of a variable under a set of predicates.

use std::borrow::Cow;

use super::view::{Definition, Flavour};
use crate::predicates::Predicates;

/// `Fl_metascanner.lookup`; `None` is its `Not_found`.
pub(crate) fn lookup<'a>(
    definitions: impl Iterator<Item = Definition<'a>> + Clone,
    variable: &[u8],
    predicates: &Predicates,
) -> Option<Cow<'a, [u8]>> {
    let mut base: Option<(usize, &'a [u8])> = None;
    let mut appended = false;
    for definition in definitions.clone() {
        if definition.variable() != variable || !definition.applies(predicates) {
            continue;
        }
        match definition.flavour() {
            Flavour::Append => appended = true,
            Flavour::Set => {
                let specificity = definition.predicates().len();
                // Strictly more: the first of equals stays.
                if base.is_none_or(|(best, _)| specificity > best) {
                    base = Some((specificity, definition.value()));
                }
            }
        }
    }
    let (_, base) = base?;
    if !appended {
        return Some(Cow::Borrowed(base));
    }
    let mut value = base.to_vec();
    for definition in definitions {
        if definition.variable() == variable
            && definition.flavour() == Flavour::Append
            && definition.applies(predicates)
        {
            value.push(b' ');
            value.extend_from_slice(definition.value());
        }
    }
    Some(Cow::Owned(value))
}

#[cfg(test)]
mod tests {
    use crate::{Predicates, meta};

    #[track_caller]
    fn check(source: &str, predicates: &str, expected: Option<&str>) {
        let meta = meta::parse(source.as_bytes()).expect("the source is right");
        let value = meta.main().lookup("v", &Predicates::parse(predicates));
        assert_eq!(value.as_deref(), expected.map(str::as_bytes));
    }

    #[test]
    fn the_definition_with_most_predicates_wins_and_the_first_of_equals() {
        check(r#"v = "0" v(a) = "1" v(a,-b) = "2""#, "a", Some("2"));
        check(r#"v = "0" v(a) = "1" v(a,-b) = "2""#, "a,b", Some("1"));
        check(
            r#"v(byte) = "x.cma" v(native) = "x.cmxa""#,
            "native,byte",
            Some("x.cma"),
        );
        check(
            r#"v(native) = "x.cmxa" v(byte) = "x.cma""#,
            "native,byte",
            Some("x.cmxa"),
        );
    }

    #[test]
    fn appended_values_need_a_base_that_applies() {
        check(r#"v += "1""#, "", None);
        check(r#"v(a) = "0" v += "1""#, "", None);
        check(r#"v += "1" v = "" v += "2""#, "", Some(" 1 2"));
    }

    #[test]
    fn a_repeated_predicate_counts_once() {
        check(r#"v(a,a) = "1" v(-b,a) = "2""#, "a", Some("2"));
    }
}

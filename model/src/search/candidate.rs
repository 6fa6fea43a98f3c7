//! Candidates: the combinations of parameter values that a search tries.

use super::{Method, Way};
use crate::class::Class;
use crate::error::{Error, Kind, Result};
use crate::parameter::{Domain, Parameter, Parameters, Value};
use crate::rows::{mix, unit};

/// More candidates than these are refused.
pub const LIMIT: usize = 10_000;

/// Values of the searched parameters, in the order of their names; and all parameters with them.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    pub values: Vec<(String, Value)>,
    pub parameters: Parameters,
}

/// What one parameter is searched over.
#[derive(Debug, Clone, PartialEq)]
enum Space {
    Values(Vec<Value>),
    /// Evenly from `low` to `high`, or in their logarithms.
    Range {
        low: f64,
        high: f64,
        log: bool,
        whole: bool,
    },
}

/// The candidates of a search, and warnings.
pub fn candidates(
    method: &Method,
    options: &Parameters,
    class: &Class,
    fixed: &Parameters,
    tuned: &[(String, Value)],
) -> Result<(Vec<Candidate>, Vec<String>)> {
    if tuned.is_empty() {
        let message = format!("{} has no parameters to search", method.name);
        let hint = "Name them with their values: tune_parameters = (alpha = ARRAY[0.1, 1, 10]).";
        return Err(Error::parameter(message).hint(hint));
    }
    let mut spaces = Vec::with_capacity(tuned.len());
    for (name, value) in tuned {
        let parameter = declared(class, name)?;
        if spaces.iter().any(|(known, _)| *known == parameter.name) {
            let message = format!("the parameter \"{}\" is searched twice", parameter.name);
            return Err(Error::parameter(message));
        }
        spaces.push((parameter.name, space(method, parameter, value)?));
    }
    // As scikit-learn's grid: by name, the last of them changing fastest.
    spaces.sort_by_key(|(name, _)| *name);
    let (picks, warnings) = match method.way {
        Way::Random => random(options, &spaces)?,
        Way::Grid | Way::Halving => (grid(&spaces)?, Vec::new()),
    };
    let candidates = picks.into_iter().map(|values| {
        let values: Vec<(String, Value)> = spaces
            .iter()
            .zip(values)
            .map(|((name, _), value)| (name.to_string(), value))
            .collect();
        // Checks the values; the others were checked before.
        class.parameters(&values)?;
        let all = values.iter().fold(fixed.clone(), |all, (name, value)| {
            all.with(name, value.clone())
        });
        Ok(Candidate {
            values,
            parameters: all,
        })
    });
    Ok((candidates.collect::<Result<_>>()?, warnings))
}

fn declared(class: &Class, name: &str) -> Result<&'static Parameter> {
    // Of unknown names this is the error.
    let (_, ignored) = match class.parameters(&[(name.to_string(), Value::Null)]) {
        Err(error) if error.kind == Kind::Undefined => return Err(error),
        Err(_) => Default::default(),
        Ok(checked) => checked,
    };
    let found = class
        .parameters
        .iter()
        .find(|p| p.name.eq_ignore_ascii_case(name));
    found.filter(|_| ignored.is_empty()).ok_or_else(|| {
        let message = format!("the parameter \"{name}\" of {} has no effect", class.name);
        Error::parameter(message).hint("There is nothing to search.")
    })
}

fn space(method: &Method, parameter: &Parameter, value: &Value) -> Result<Space> {
    let name = parameter.name;
    match value {
        Value::List(values) if !values.is_empty() => Ok(Space::Values(values.clone())),
        Value::List(_) => Err(Error::parameter(format!(
            "there are no values of \"{name}\" to search"
        ))),
        Value::Map(entries) if method.way == Way::Random => range(parameter, entries),
        Value::Map(_) => {
            let message = format!("{} takes values of \"{name}\", not a range", method.name);
            Err(Error::parameter(message).hint("RandomizedSearchCV takes ranges."))
        }
        value => Ok(Space::Values(vec![value.clone()])),
    }
}

fn range(parameter: &Parameter, entries: &[(String, Value)]) -> Result<Space> {
    let wrong = |why: &str| {
        let message = format!("invalid range of parameter \"{}\": {why}", parameter.name);
        Error::parameter(message).hint(
            "A range is (low = 0.01, high = 100), or (low = 0.01, high = 100, log = true) for an even \
             spread of its logarithm.",
        )
    };
    let known = ["low", "high", "log"];
    if let Some((name, _)) = entries.iter().find(|(k, _)| !known.contains(&k.as_str())) {
        return Err(wrong(&format!("it has no \"{name}\"")));
    }
    let get = |name: &str| entries.iter().find(|(k, _)| k == name).map(|(_, v)| v);
    let number = |name: &str| {
        get(name)
            .and_then(Value::as_number)
            .filter(|n| n.is_finite())
    };
    let (Some(low), Some(high)) = (number("low"), number("high")) else {
        return Err(wrong("low and high must be numbers"));
    };
    let log = match get("log") {
        None => false,
        Some(Value::Bool(log)) => *log,
        Some(_) => return Err(wrong("log must be true or false")),
    };
    if low >= high {
        return Err(wrong("low must be less than high"));
    }
    if log && low <= 0.0 {
        return Err(wrong("a logarithm needs a low above 0"));
    }
    let whole = match parameter.domain {
        Domain::Whole { .. } => true,
        Domain::Either(domains) => {
            let has = |is: fn(&Domain) -> bool| domains.iter().any(is);
            has(|d| matches!(d, Domain::Whole { .. }))
                && !has(|d| matches!(d, Domain::Number { .. }))
        }
        _ => false,
    };
    if whole && (low.fract() != 0.0 || high.fract() != 0.0) {
        return Err(wrong("low and high must be whole numbers"));
    }
    Ok(Space::Range {
        low,
        high,
        log,
        whole,
    })
}

/// The number of combinations; `None` for ranges, which have no end of them.
fn size(spaces: &[(&'static str, Space)]) -> Option<u128> {
    spaces
        .iter()
        .try_fold(1u128, |size, (_, space)| match space {
            Space::Values(values) => Some(size.saturating_mul(values.len() as u128)),
            Space::Range { .. } => None,
        })
}

/// The combination at a place of the grid.
fn at(spaces: &[(&'static str, Space)], place: u128) -> Vec<Value> {
    let mut rest = place;
    let mut picked: Vec<Value> = spaces
        .iter()
        .rev()
        .map(|(_, space)| match space {
            Space::Values(values) => {
                let count = (values.len() as u128).max(1);
                let value = values.get((rest % count) as usize).cloned();
                rest /= count;
                value.unwrap_or(Value::Null)
            }
            Space::Range { .. } => Value::Null,
        })
        .collect();
    picked.reverse();
    picked
}

fn too_many(count: impl std::fmt::Display) -> Error {
    let message = format!("{count} candidates are more than a search tries, which is {LIMIT}");
    Error::new(Kind::Limit, message).hint("RandomizedSearchCV tries n_iter of them.")
}

fn grid(spaces: &[(&'static str, Space)]) -> Result<Vec<Vec<Value>>> {
    let size = size(spaces).unwrap_or(0);
    if size > LIMIT as u128 {
        return Err(too_many(size));
    }
    Ok((0..size).map(|place| at(spaces, place)).collect())
}

fn random(
    options: &Parameters,
    spaces: &[(&'static str, Space)],
) -> Result<(Vec<Vec<Value>>, Vec<String>)> {
    let (wanted, seed) = (options.count("n_iter")?, mix(options.seed()));
    if wanted > LIMIT {
        return Err(too_many(wanted));
    }
    let Some(size) = size(spaces) else {
        let one = |at: usize| draws(spaces, mix(seed ^ at as u64));
        return Ok(((0..wanted).map(one).collect(), Vec::new()));
    };
    if size <= wanted as u128 {
        let warnings = match size < wanted as u128 {
            true => vec![format!(
                "there are only {size} combinations, fewer than n_iter = {wanted}: all are tried"
            )],
            false => Vec::new(),
        };
        return Ok(((0..size).map(|place| at(spaces, place)).collect(), warnings));
    }
    // Without replacement.
    let mut places: Vec<u128> = Vec::with_capacity(wanted);
    let mut stream = seed;
    while places.len() < wanted {
        stream = mix(stream);
        let place = u128::from(stream) % size;
        if !places.contains(&place) {
            places.push(place);
        }
    }
    let picks = places.into_iter().map(|place| at(spaces, place)).collect();
    Ok((picks, Vec::new()))
}

/// A draw of every parameter.
fn draws(spaces: &[(&'static str, Space)], seed: u64) -> Vec<Value> {
    let mut stream = seed;
    let draw = |(_, space): &(&'static str, Space)| {
        stream = mix(stream);
        match space {
            Space::Values(values) => {
                let place = stream % (values.len() as u64).max(1);
                values.get(place as usize).cloned().unwrap_or(Value::Null)
            }
            Space::Range {
                low,
                high,
                log,
                whole,
            } => {
                // Of whole numbers, `high` is one of them.
                let end = if *whole { high + 1.0 } else { *high };
                let share = unit(stream);
                let value = match log {
                    true => (low.ln() + share * (end.ln() - low.ln())).exp(),
                    false => low + share * (end - low),
                };
                let value = if *whole { value.floor() } else { value };
                Value::Number(value.clamp(*low, *high))
            }
        }
    };
    spaces.iter().map(draw).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(values: &[f64]) -> Space {
        Space::Values(values.iter().map(|v| Value::Number(*v)).collect())
    }

    #[test]
    fn the_last_parameter_changes_fastest() {
        let spaces = [("a", values(&[1.0, 2.0])), ("b", values(&[3.0, 4.0]))];
        let grid = grid(&spaces).unwrap();
        let numbers: Vec<Vec<f64>> = grid
            .iter()
            .map(|row| row.iter().filter_map(Value::as_number).collect())
            .collect();
        assert_eq!(numbers, [[1.0, 3.0], [1.0, 4.0], [2.0, 3.0], [2.0, 4.0]]);
    }

    #[test]
    fn draws_are_without_replacement_and_the_same_for_a_seed() {
        let many: Vec<f64> = (0..40).map(f64::from).collect();
        let spaces = [("a", values(&many)), ("b", values(&many))];
        let options = |seed: f64| {
            let method = super::super::find("RandomizedSearchCV").unwrap();
            let given = [
                ("n_iter".to_string(), Value::Number(200.0)),
                ("random_state".to_string(), Value::Number(seed)),
            ];
            method.parameters(&given).unwrap().0
        };
        let (first, _) = random(&options(1.0), &spaces).unwrap();
        assert_eq!(first, random(&options(1.0), &spaces).unwrap().0);
        assert_ne!(first, random(&options(2.0), &spaces).unwrap().0);
        for (at, pick) in first.iter().enumerate() {
            assert!(!first[..at].contains(pick));
        }
    }

    #[test]
    fn ranges_are_drawn_evenly_or_in_their_logarithm() {
        let range = |log, whole| Space::Range {
            low: 1.0,
            high: 100.0,
            log,
            whole,
        };
        let median = |space: Space| {
            let spaces = [("a", space)];
            let mut drawn: Vec<f64> = (0..1001)
                .filter_map(|seed| draws(&spaces, seed)[0].as_number())
                .collect();
            drawn.sort_by(f64::total_cmp);
            assert!(drawn[0] >= 1.0 && drawn[1000] <= 100.0);
            drawn[500]
        };
        assert!((median(range(false, false)) - 50.0).abs() < 8.0);
        assert!((median(range(true, false)) - 10.0).abs() < 2.0);
        assert_eq!(median(range(true, true)).fract(), 0.0);
    }
}

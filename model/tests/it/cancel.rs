//! Trainings in memory that are ended by who waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use quern_model::class::{self, Training};
use quern_model::error::Kind;
use quern_model::parameter::Value;
use quern_model::search;
use quern_model::train::Setup;
use quern_model::watch::{Watch, Watcher};

use crate::common::data;

/// Ends a training at one of its checks.
struct Ends {
    checks: AtomicUsize,
    at: usize,
    notes: AtomicUsize,
}

impl Watcher for Ends {
    fn is_cancelled(&self) -> bool {
        self.checks.fetch_add(1, Ordering::Relaxed) >= self.at
    }

    fn note(&self, loss: f64) {
        assert!(loss.is_finite());
        self.notes.fetch_add(1, Ordering::Relaxed);
    }
}

/// Runs with a watcher that ends it at a check; gives what came of it, and how often it checked.
fn ending<T>(
    at: usize,
    run: impl FnOnce(Watch) -> quern_model::Result<T>,
) -> (Option<Kind>, Arc<Ends>) {
    let ends = Arc::new(Ends {
        checks: AtomicUsize::new(0),
        at,
        notes: AtomicUsize::new(0),
    });
    let watcher: Arc<dyn Watcher> = ends.clone();
    let kind = run(Watch::of(watcher)).err().map(|error| error.kind);
    (kind, ends)
}

#[test]
fn trainings_end_at_any_check() {
    for (name, set) in [
        ("FastICA", "iris"),
        ("DBSCAN", "moons"),
        ("IsotonicRegression", "powers_5"),
        ("KNeighborsClassifier", "iris"),
        ("SVC", "iris"),
    ] {
        let mut data = data(set);
        if name == "IsotonicRegression" {
            data.names.truncate(1);
            data.features.truncate(1);
        }
        let class = class::find(name).unwrap();
        let Training::Memory { train, .. } = class.training else {
            panic!("{name} does not train in memory")
        };
        let rows = data.owned(0);
        let run = |watch: Watch| {
            let setup = Setup {
                watch,
                ..data.setup(class, &[])
            };
            train(&setup, &rows)
        };
        let (kind, ends) = ending(usize::MAX, run);
        let checks = ends.checks.load(Ordering::Relaxed);
        assert_eq!(kind, None);
        assert!(checks > 1, "{name} checked {checks} times");
        assert_eq!(ends.notes.load(Ordering::Relaxed) > 0, name == "FastICA");
        for at in [0, 1, checks / 2, checks - 1] {
            let (kind, ends) = ending(at, run);
            assert_eq!(kind, Some(Kind::Cancelled), "{name} at check {at}");
            assert_eq!(ends.checks.load(Ordering::Relaxed), at + 1);
        }
    }
}

#[test]
fn searches_in_memory_end_at_any_check() {
    let data = data("iris");
    let class = class::find("KNeighborsClassifier").unwrap();
    let run = |watch: Watch| {
        let setup = Setup {
            watch,
            ..data.setup(class, &[])
        };
        let method = search::find("GridSearchCV")?;
        let options = method.parameters(&[])?.0;
        let values = [1.0, 5.0].map(Value::Number).to_vec();
        let tuned = [("n_neighbors".to_string(), Value::List(values))];
        let mut search = method.start(&options, class, &setup, &tuned)?;
        search.in_memory(&data.owned(5))
    };
    let (kind, ends) = ending(usize::MAX, run);
    let checks = ends.checks.load(Ordering::Relaxed);
    assert_eq!(kind, None);
    for at in [0, 1, checks / 2, checks - 1] {
        assert_eq!(ending(at, run).0, Some(Kind::Cancelled), "at check {at}");
    }
}

//! Data sets, golden values of scikit-learn, and training over rows that are cut in several ways.

use std::path::PathBuf;

use quern_model::class::{self, Class, Training};
use quern_model::fitted::Fitted;
use quern_model::parameter::{Parameters, Value};
use quern_model::predict::Predictor;
use quern_model::rows::{Owned, draw, mix};
use quern_model::statistic::{Collected, Task};
use quern_model::train::{self, Setup, Trainer};

/// A table of numbers; the last column is the target.
#[derive(Debug, Clone)]
pub struct Data {
    pub names: Vec<String>,
    pub features: Vec<Vec<f64>>,
    pub target: Vec<f64>,
}

/// The `tests` folder of the checkout that is tested: checkouts may share what is built.
pub fn folder() -> PathBuf {
    let built_in = || env!("CARGO_MANIFEST_DIR").to_string();
    let crate_folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| built_in());
    PathBuf::from(crate_folder).join("tests")
}

/// `tests/data/NAME.csv`, written by `tests/golden/data.py`.
pub fn data(name: &str) -> Data {
    let text = std::fs::read_to_string(folder().join(format!("data/{name}.csv"))).unwrap();
    let mut lines = text.lines();
    let mut names: Vec<String> = lines
        .next()
        .unwrap()
        .split(',')
        .map(str::to_string)
        .collect();
    let mut features: Vec<Vec<f64>> = vec![Vec::new(); names.len()];
    for line in lines {
        for (column, value) in features.iter_mut().zip(line.split(',')) {
            column.push(value.parse().unwrap());
        }
    }
    names.pop();
    let target = features.pop().unwrap();
    Data {
        names,
        features,
        target,
    }
}

/// What `tests/golden/NAME.py` wrote.
pub fn golden(name: &str) -> serde_json::Value {
    let text = std::fs::read_to_string(folder().join(format!("golden/{name}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The numbers of a JSON array of any depth, in order.
pub fn numbers(value: &serde_json::Value) -> Vec<f64> {
    match value {
        serde_json::Value::Array(items) => items.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().unwrap()],
    }
}

/// The parameters of a golden case.
pub fn parameters(value: &serde_json::Value) -> Vec<(String, Value)> {
    let entries = value.as_object().unwrap().iter();
    entries
        .map(|(k, v)| (k.clone(), serde_json::from_value(v.clone()).unwrap()))
        .collect()
}

impl Data {
    pub fn rows(&self) -> usize {
        self.target.len()
    }

    /// The rows at `order`.
    pub fn take(&self, order: &[usize]) -> Data {
        let pick = |column: &Vec<f64>| order.iter().map(|at| column[*at]).collect();
        Data {
            names: self.names.clone(),
            features: self.features.iter().map(pick).collect(),
            target: pick(&self.target),
        }
    }

    /// With features of mean 0 and variance 1.
    pub fn scaled(mut self) -> Data {
        let rows = self.rows() as f64;
        for column in &mut self.features {
            let mean = column.iter().sum::<f64>() / rows;
            let squares = column.iter().map(|x| (x - mean) * (x - mean));
            let scale = (squares.sum::<f64>() / rows).sqrt();
            column.iter_mut().for_each(|x| *x = (*x - mean) / scale);
        }
        self
    }

    /// As rows of a scan, with draws and, where `folds` is not 0, folds by row number.
    pub fn owned(&self, folds: u32) -> Owned {
        let rows = 0..self.rows();
        let values = |row: usize| self.features.iter().map(move |c| c[row]);
        Owned {
            features: self.features.clone(),
            target: self.target.clone(),
            weight: None,
            draw: rows
                .clone()
                .map(|row| draw(0, values(row).chain([self.target[row]])))
                .collect(),
            fold: rows
                .filter(|_| folds > 0)
                .map(|row| row as u32 % folds.max(1))
                .collect(),
            count: self.rows(),
        }
    }

    /// What a class knows of the data. Classes are numbered from 0 in the target.
    pub fn setup(&self, class: &Class, given: &[(String, Value)]) -> Setup {
        let labels = match class.purpose {
            class::Purpose::Classification => {
                let classes = self.target.iter().fold(0.0f64, |a, b| a.max(*b)) as usize + 1;
                (0..classes).map(|label| label.to_string()).collect()
            }
            _ => Vec::new(),
        };
        let parameters: Parameters = class.parameters(given).unwrap().0;
        Setup {
            parameters,
            features: self.names.clone(),
            columns: self.names.iter().map(|name| (name.clone(), 1)).collect(),
            labels,
            ..Setup::default()
        }
    }
}

/// A permutation that has nothing to do with the order of the rows.
pub fn shuffled(rows: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..rows).collect();
    order.sort_by_key(|at| mix(seed ^ mix(*at as u64)));
    order
}

/// Collects over parts of the rows, as chunks do, and merges in an order of their own.
pub fn scan(parts: &[Owned], tasks: &[Task]) -> Collected {
    let states = parts.iter().map(|part| {
        let mut collected = Collected::start(tasks);
        part.view(|rows| collected.update(tasks, rows));
        Collected::from_bytes(&collected.to_bytes()).unwrap()
    });
    let states: Vec<_> = states.collect();
    let mut merged = Collected::start(tasks);
    states
        .iter()
        .rev()
        .for_each(|state| merged.merge(state).unwrap());
    merged
}

/// The rows at `order`.
fn pick(rows: &Owned, order: &[usize]) -> Owned {
    fn at<T: Copy>(column: &[T], order: &[usize]) -> Vec<T> {
        let known = |at: &usize| column.get(*at).copied();
        order.iter().filter_map(known).collect()
    }
    Owned {
        features: rows.features.iter().map(|c| at(c, order)).collect(),
        target: at(&rows.target, order),
        weight: rows.weight.as_ref().map(|w| at(w, order)),
        draw: at(&rows.draw, order),
        fold: at(&rows.fold, order),
        count: order.len(),
    }
}

/// The rows as one part, as seven uneven ones of which one is empty, and shuffled.
fn ways(rows: &Owned) -> [Vec<Owned>; 3] {
    let n = rows.count;
    let cuts = [0, 1, n / 9, n / 9, n / 4, n / 2, n - 2, n];
    let cut = |order: &[usize]| -> Vec<Owned> {
        let parts = cuts.windows(2).map(|w| pick(rows, &order[w[0]..w[1]]));
        parts.collect()
    };
    let in_order: Vec<usize> = (0..n).collect();
    [vec![rows.clone()], cut(&in_order), cut(&shuffled(n, 7))]
}

/// Runs a trainer over the rows cut in all ways; also says how many scans it took. The models must be
/// the same to the last bit.
pub fn run_all_ways<T: Trainer>(
    what: &str,
    rows: &Owned,
    make: impl Fn() -> T,
) -> (Fitted, T, usize) {
    let mut done = ways(rows).map(|parts| {
        let (mut trainer, mut scans) = (make(), 0);
        let fitted = train::run(&mut trainer, |tasks| {
            scans += 1;
            Ok(scan(&parts, tasks))
        });
        (fitted.unwrap(), trainer, scans)
    });
    for at in 1..done.len() {
        assert_eq!(done[0].0, done[at].0, "{what} depends on how rows are cut");
    }
    let [whole, ..] = &mut done;
    let (fitted, scans) = (whole.0.clone(), whole.2);
    let [(_, trainer, _), ..] = done;
    (fitted, trainer, scans)
}

/// Trains over the rows as one part, as seven uneven ones of which one is empty, and shuffled; the
/// three models must be the same to the last bit.
pub fn train(name: &str, given: &[(String, Value)], data: &Data) -> (Fitted, Box<dyn Predictor>) {
    train_on(name, given, data, &data.owned(0))
}

/// The same, of rows that have folds or weights.
pub fn train_on(
    name: &str,
    given: &[(String, Value)],
    data: &Data,
    rows: &Owned,
) -> (Fitted, Box<dyn Predictor>) {
    let class = class::find(name).unwrap();
    let setup = data.setup(class, given);
    let Training::Chunks(trainer) = class.training else {
        panic!("{name} does not train over chunks")
    };
    let (fitted, _, _) = run_all_ways(name, rows, || trainer(&setup).unwrap());
    let predictor = (class.predictor)(&fitted, &setup).unwrap();
    (fitted, predictor)
}

/// Trains in memory over the rows in their order and in two others; the three models must be the same to
/// the last bit.
pub fn train_in_memory(
    name: &str,
    given: &[(String, Value)],
    data: &Data,
) -> (Fitted, Box<dyn Predictor>) {
    train_in_memory_on(name, given, data, &data.owned(0))
}

/// The same, of rows that have weights.
pub fn train_in_memory_on(
    name: &str,
    given: &[(String, Value)],
    data: &Data,
    rows: &Owned,
) -> (Fitted, Box<dyn Predictor>) {
    let class = class::find(name).unwrap();
    let setup = data.setup(class, given);
    let Training::Memory { train, .. } = class.training else {
        panic!("{name} does not train in memory")
    };
    let fitted = train(&setup, rows).unwrap();
    for seed in [7, 8] {
        let other = train(&setup, &pick(rows, &shuffled(rows.count, seed))).unwrap();
        assert_eq!(fitted, other, "{name} depends on the order of rows");
    }
    let predictor = (class.predictor)(&fitted, &setup).unwrap();
    (fitted, predictor)
}

/// The error that checking the parameters, or training, ends in.
pub fn error(name: &str, given: &[(String, Value)], data: &Data) -> quern_model::Error {
    try_once(name, given, data).unwrap_err()
}

/// Its message.
pub fn fails(name: &str, given: &[(String, Value)], data: &Data) -> String {
    error(name, given, data).message
}

/// Trains over the rows as one part.
fn try_once(name: &str, given: &[(String, Value)], data: &Data) -> quern_model::Result<Fitted> {
    let class = class::find(name).unwrap();
    class.parameters(given)?;
    let setup = data.setup(class, given);
    let rows = data.owned(0);
    match class.training {
        Training::Memory { train, .. } => train(&setup, &rows),
        Training::Chunks(trainer) => {
            let parts = [rows];
            train::run(trainer(&setup)?.as_mut(), |tasks| Ok(scan(&parts, tasks)))
        }
    }
}

/// A model of rows that are too few to be cut.
pub fn train_once(name: &str, given: &[(String, Value)], data: &Data) -> Fitted {
    try_once(name, given, data).unwrap()
}

/// Fails where numbers differ by more than `tolerance`, relative to the largest of those expected.
pub fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(
        found.len(),
        expected.len(),
        "{what}: {found:?} for {expected:?}"
    );
    let scale = expected
        .iter()
        .fold(0.0f64, |a, b| a.max(b.abs()))
        .max(f64::MIN_POSITIVE);
    let worst = found
        .iter()
        .zip(expected)
        .map(|(a, b)| (a - b).abs() / scale)
        .fold(0.0, |a: f64, b| {
            // NaN is worse than any number.
            if b.is_nan() { f64::INFINITY } else { a.max(b) }
        });
    assert!(
        worst <= tolerance,
        "{what}: {worst:e} off\n{found:?}\n{expected:?}"
    );
}

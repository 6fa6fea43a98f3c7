//! `KMeans`: Lloyd's algorithm, a scan for each pass; several starts share the scans.
//!
//! # Starts
//!
//! `k-means++` is done as k-means|| (Bahmani et al. 2012), after a first guess: 8 K + 64 rows drawn by
//! chance give K centres in memory; a scan draws 2 K + 16 rows that are far from these; another groups
//! all rows by the nearest of centres and far rows, and the centres are chosen among the means of these
//! groups in memory. `random` takes K rows by chance.
//!
//! # Passes
//!
//! As scikit-learn: a pass moves each centre to the mean of its rows. Centres without rows move to the
//! rows that are farthest from theirs (the scan is repeated to find them). Passes end when nothing
//! moves, or when the squared moves add up to at most `tol` times the mean variance of the features;
//! in the second case another scan finds the inertia. That no label changed, scikit-learn's first
//! test, is seen here by that no centre moved.

use super::kmeans_start::{Weighted, centers, invalid};
use super::{Class, Purpose, Training};
use crate::error::{Error, Kind, Result};
use crate::fitted::{Array, Fitted};
use crate::parameter::{COUNT, Domain, NOT_NEGATIVE, Parameter, SEED, Value, parameter};
use crate::points::Points;
use crate::predict::Predictor;
use crate::rows::{Rows, mix};
use crate::state::State;
use crate::statistic::assign::Cluster;
use crate::statistic::columns::Column;
use crate::statistic::{Assign, Collected, Columns, Picks, Statistic, Task};
use crate::sum::Sum;
use crate::train::{Setup, Step, Trainer};

pub static CLASS: Class = Class {
    name: "KMeans",
    purpose: Purpose::Clustering,
    about: "Clusters around centres, such that squared distances to them are small.",
    parameters: PARAMETERS,
    training: Training::Chunks(|setup| Ok(Box::new(KMeans::new(setup)?))),
    missing: false,
    predictor,
};

static PARAMETERS: &[Parameter] = &[
    parameter(
        "n_clusters",
        COUNT,
        Value::Number(8.0),
        "How many clusters.",
    ),
    parameter(
        "init",
        Domain::Any,
        Value::text("k-means++"),
        "Where the centres start: 'k-means++', 'random', or an array of centres.",
    ),
    parameter(
        "n_init",
        Domain::Either(&[Domain::Choice(&["auto"]), COUNT]),
        Value::text("auto"),
        "How many starts, of which the best counts; 'auto' is 10 for 'random' and else 1.",
    ),
    parameter(
        "max_iter",
        COUNT,
        Value::Number(300.0),
        "The most passes of a start.",
    ),
    parameter(
        "tol",
        NOT_NEGATIVE,
        Value::Number(1e-4),
        "The squared moves of all centres that end the passes, over the mean variance of the features.",
    ),
    parameter(
        "algorithm",
        Domain::Choice(&["lloyd", "elkan"]),
        Value::text("lloyd"),
        "Without effect: both give the same.",
    ),
    parameter(
        "random_state",
        SEED,
        Value::Null,
        "The seed of chance; NULL is 0.",
    ),
];

/// Centres and starts, at most.
const CLUSTERS: usize = 100_000;
const STARTS: usize = 1000;
/// Rows drawn for the first guess, unless there are more clusters.
const SAMPLE: u32 = 16_384;

struct KMeans {
    setup: Setup,
    clusters: usize,
    tolerance: f64,
    phase: Phase,
    starts: Vec<Start>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// Variances, and rows by chance.
    First,
    /// Rows far from the centres of those.
    Far,
    /// How many rows are near each candidate.
    Weigh,
    Lloyd,
}

/// A start, and how far it has come.
struct Start {
    seed: u64,
    /// Candidates, later centres.
    points: Points,
    passes: usize,
    /// Centres without rows, for which the pass is repeated.
    empty: usize,
    /// Of the centres that the last pass began with.
    inertia: Option<f64>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    Moving,
    /// Only the inertia is missing.
    Last {
        converged: bool,
    },
    Done {
        converged: bool,
        inertia: f64,
        occupied: usize,
    },
}

impl KMeans {
    fn new(setup: &Setup) -> Result<Self> {
        let clusters = setup.parameters.count("n_clusters")?;
        if setup.features.is_empty() {
            return Err(Error::rows("there are no features to learn from"));
        }
        let init = setup.parameters.get("init");
        let given = match init.as_text() {
            Some("k-means++" | "random") => None,
            None => Some(centers(init, clusters, setup.features.len())?),
            Some(_) => return Err(invalid(init)),
        };
        let starts = match (setup.parameters.get("n_init").as_number(), init.as_text()) {
            // From given centres every start is the same.
            (_, None) => 1,
            (Some(starts), _) => starts as usize,
            (None, Some("random")) => 10,
            (None, _) => 1,
        };
        for (count, limit, what) in [(clusters, CLUSTERS, "clusters"), (starts, STARTS, "starts")] {
            if count > limit {
                let message = format!("KMeans takes at most {limit} {what}, not {count}");
                return Err(Error::new(Kind::Limit, message));
            }
        }
        let empty = Points {
            width: setup.features.len(),
            data: Vec::new(),
        };
        let starts = (0..starts as u64).map(|start| Start {
            seed: mix(setup.parameters.seed() ^ mix(start)),
            points: given.clone().unwrap_or_else(|| empty.clone()),
            passes: 0,
            empty: 0,
            inertia: None,
            stage: Stage::Moving,
        });
        Ok(Self {
            setup: setup.clone(),
            clusters,
            tolerance: 0.0,
            phase: Phase::First,
            starts: starts.collect(),
        })
    }

    fn init(&self) -> Option<&str> {
        self.setup.parameters.get("init").as_text()
    }

    /// Whether there are enough rows, and how far centres may still move at the end.
    fn survey(&mut self, state: &State) -> Result<()> {
        if state.rows < self.clusters as u64 {
            return Err(Error::rows(format!(
                "{} clusters need at least as many rows, and there are {}",
                self.clusters, state.rows
            )));
        }
        let columns = Column::all(state);
        let variances = columns.iter().map(|column| column.variance);
        let mean = variances.sum::<f64>() / columns.len() as f64;
        self.tolerance = self.setup.parameters.number("tol")? * mean;
        Ok(())
    }

    /// Ends the search for starts.
    fn begin(&mut self) {
        self.phase = Phase::Lloyd;
        for start in &mut self.starts {
            // Fewer different rows than clusters: the others stay empty.
            let last = start.points.iter().last().map(<[f64]>::to_vec);
            while let Some(last) = last
                .as_ref()
                .filter(|_| start.points.count() < self.clusters)
            {
                start.points.push(last);
            }
        }
    }

    /// What the last scan found.
    fn news(&self) -> Step {
        let known = self.starts.iter().filter_map(|start| start.inertia);
        match (self.phase, known.reduce(f64::min)) {
            (Phase::Lloyd, Some(inertia)) => Step::falling("inertia", inertia),
            _ => Step::again("where the centers start"),
        }
    }

    fn best(&self) -> Result<Step> {
        let done = self.starts.iter().filter_map(|start| match start.stage {
            Stage::Done { inertia, .. } => Some((inertia, start)),
            _ => None,
        });
        // The first of those that are equally good.
        let best = done.reduce(|best, next| if next.0 < best.0 { next } else { best });
        let Some((inertia, best)) = best else {
            return Err(Error::internal("no start of KMeans came to an end"));
        };
        let mut fitted = Fitted::default()
            .with(
                "cluster_centers",
                Array::matrix(best.points.width, best.points.data.clone()),
            )
            .with_fact("inertia", inertia)
            .with_fact("n_iter", best.passes as f64);
        if let Stage::Done {
            converged,
            occupied,
            ..
        } = best.stage
        {
            if !converged {
                fitted = fitted.warn(format!(
                    "the centers still moved after max_iter = {} passes",
                    best.passes
                ));
            }
            if occupied < self.clusters {
                fitted = fitted.warn(format!(
                    "only {occupied} of {} clusters have rows: there may be fewer different rows",
                    self.clusters
                ));
            }
        }
        Step::done(fitted)
    }
}

impl Trainer for KMeans {
    fn scans_again(&self) -> bool {
        true
    }

    fn tasks(&mut self) -> Vec<Task> {
        let features = self.setup.features.len();
        let clusters = self.clusters as u32;
        let statistics = self.starts.iter().filter_map(|start| {
            let points = start.points.clone();
            let sample = |count: u32, round: u64| {
                Statistic::Picks(Picks {
                    points: points.clone(),
                    count,
                    seed: mix(start.seed ^ round),
                })
            };
            Some(match (self.phase, self.init()) {
                (Phase::First, None) => return None,
                (Phase::First, Some("random")) => sample(clusters, 0),
                (Phase::First, _) => sample((8 * clusters + 64).min(SAMPLE.max(clusters)), 0),
                (Phase::Far, _) => sample(2 * clusters + 16, 1),
                (Phase::Weigh | Phase::Lloyd, _) => {
                    if matches!(start.stage, Stage::Done { .. }) {
                        return None;
                    }
                    Statistic::Assign(Assign {
                        farthest: start.empty as u32,
                        points,
                    })
                }
            })
        });
        let survey = Statistic::Columns(Columns { features });
        let survey = (self.phase == Phase::First).then_some(survey);
        let statistics = survey.into_iter().chain(statistics);
        statistics.map(Task::of_all).collect()
    }

    fn take(&mut self, collected: Collected) -> Result<Step> {
        let mut states = collected.0.into_iter();
        if self.phase == Phase::First {
            let state = states.next();
            self.survey(&state.ok_or_else(|| Error::internal("a scan collected nothing"))?)?;
        }
        let max = self.setup.parameters.count("max_iter")?;
        let guesses = self.init() == Some("k-means++");
        let running = self.starts.iter_mut();
        let mut running = running.filter(|start| !matches!(start.stage, Stage::Done { .. }));
        for (mut state, start) in states.zip(&mut running) {
            state.settle();
            match self.phase {
                Phase::First | Phase::Far => {
                    let picked = state.picked.iter();
                    picked.for_each(|picked| start.points.push(&picked.values));
                    if self.phase == Phase::First && guesses {
                        start.guess(self.clusters);
                    }
                }
                Phase::Weigh => start.choose(&state, self.clusters),
                Phase::Lloyd => start.pass(&state, self.tolerance, max),
            }
        }
        match (self.phase, self.init()) {
            (Phase::First, Some("k-means++")) => self.phase = Phase::Far,
            (Phase::Far, _) => self.phase = Phase::Weigh,
            (Phase::First | Phase::Weigh, _) => self.begin(),
            (Phase::Lloyd, _) => {}
        }
        let ends = |start: &Start| matches!(start.stage, Stage::Done { .. });
        match self.starts.iter().all(ends) {
            true => self.best(),
            false => Ok(self.news()),
        }
    }
}

impl Start {
    /// The centres of rows that were drawn by chance.
    fn guess(&mut self, clusters: usize) {
        let mut drawn = Weighted::default();
        for row in self.points.iter() {
            drawn.push(row.iter().copied(), 1.0);
        }
        self.points = drawn.centers(clusters, self.seed);
    }

    /// The centres among the candidates' groups.
    fn choose(&mut self, state: &State, clusters: usize) {
        let mut weighted = Weighted::default();
        let (groups, _) = Cluster::all(state, self.points.width);
        for group in groups.iter().filter(|group| !group.is_empty()) {
            weighted.push(group.mean(), group.weight.value());
        }
        self.points = weighted.centers(clusters, self.seed);
    }

    /// A pass of Lloyd's algorithm.
    fn pass(&mut self, state: &State, tolerance: f64, max: usize) {
        let (mut clusters, inertia) = Cluster::all(state, self.points.width);
        let inertia = inertia.value();
        self.inertia = Some(inertia);
        let empty = clusters.iter().filter(|cluster| cluster.is_empty()).count();
        let done = |converged| Stage::Done {
            converged,
            inertia,
            occupied: clusters.len() - empty,
        };
        if let Stage::Last { converged } = self.stage {
            self.stage = done(converged);
            return;
        }
        // Where all rows are at their centres, none is far.
        if empty > 0 && self.empty == 0 && inertia > 0.0 {
            self.empty = empty;
            return;
        }
        self.empty = 0;
        let ended = done(true);
        relocate(&mut clusters, state, self.points.width);
        let moved = self.move_to(&clusters);
        self.passes += 1;
        if moved == 0.0 {
            self.stage = ended;
        } else if moved <= tolerance || self.passes >= max {
            self.stage = Stage::Last {
                converged: moved <= tolerance,
            };
        }
    }

    /// Moves the centres to the means, and gives the sum of the squared moves.
    fn move_to(&mut self, clusters: &[Cluster]) -> f64 {
        let heavier = |best: usize, next: usize| {
            let weight = |at: usize| clusters[at].weight.value();
            if weight(next) > weight(best) {
                next
            } else {
                best
            }
        };
        // Centres that stay without rows go where most rows are.
        let largest = (0..clusters.len()).reduce(heavier).unwrap_or(0);
        let mut moved = 0.0;
        let mut data = Vec::with_capacity(self.points.data.len());
        for (cluster, old) in clusters.iter().zip(self.points.iter()) {
            let cluster = match cluster.is_empty() {
                true => &clusters[largest],
                false => cluster,
            };
            for (new, old) in cluster.mean().zip(old) {
                moved += (new - old) * (new - old);
                data.push(new);
            }
        }
        self.points.data = data;
        moved
    }
}

/// Gives clusters without rows the rows that were picked because they are far from their centres.
fn relocate(clusters: &mut [Cluster], state: &State, width: usize) {
    let empty: Vec<usize> = (0..clusters.len())
        .filter(|at| clusters[*at].is_empty())
        .collect();
    for (empty, picked) in empty.into_iter().zip(&state.picked) {
        let (features, rest) = picked.values.split_at(width);
        let [from, weight] = rest else { continue };
        let from = *from as usize;
        let weighted = |value: &f64| {
            let mut sum = Sum::ZERO;
            sum.add_product(*value, *weight);
            sum
        };
        let own: Vec<Sum> = features.iter().map(weighted).collect();
        for (sum, own) in clusters[from].sums.iter_mut().zip(&own) {
            *sum = (*sum - *own).settled(sum.hi);
        }
        clusters[from].weight.add(-weight);
        clusters[empty] = Cluster {
            weight: Sum::from(*weight),
            sums: own,
        };
    }
}

/// The nearest of the centres; as a transformation, the distances to all.
#[derive(Debug)]
struct Centers(Points);

fn predictor(fitted: &Fitted, setup: &Setup) -> Result<Box<dyn Predictor>> {
    let width = setup.features.len();
    let rows = fitted.matrix("cluster_centers", width)?;
    if rows.is_empty() || width == 0 {
        return Err(Error::corrupt("the model has no centers"));
    }
    Ok(Box::new(Centers(Points {
        width,
        data: rows.concat(),
    })))
}

impl Predictor for Centers {
    fn predict(&self, rows: &Rows<'_>) -> Vec<f64> {
        self.0.nearest(rows).points
    }

    fn transform(&self, rows: &Rows<'_>) -> Option<Vec<Vec<f64>>> {
        Some(self.0.distances(rows))
    }

    fn outputs(&self, _: &[String]) -> Vec<String> {
        (0..self.0.count())
            .map(|at| format!("kmeans{at}"))
            .collect()
    }
}

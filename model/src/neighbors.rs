//! Rows near a point: a k-d tree (Bentley 1975; Friedman, Bentley, Finkel 1977) over points in memory.
//!
//! Nodes are cut at the median of their widest side, down to leaves of [`LEAF`] points, which lie one
//! feature after the other so that a leaf's distances are computed together. The bound of a node is the
//! distance to its box, by the same operations in the same order as a distance to a point: it never
//! exceeds one. Of points that are equally far, the one with the smaller number counts as nearer, so
//! results do not depend on how the tree was cut.
//!
//! linfa-nn's trees borrow the points they are built of and leave ties open, so a model cannot keep one.

use serde::{Deserialize, Serialize};

use crate::elementary::{exp, ln};
use crate::error::{Error, Kind, Result};
use crate::parameter::{Domain, Parameters};
use crate::points::Points;
use crate::watch::Watch;

const LEAF: usize = 16;

/// How far points are from each other. The distances inside are reduced: without the root.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub enum Metric {
    Manhattan,
    Euclidean,
    Chebyshev,
    /// The root of the sum of powers.
    Minkowski(f64),
}

pub const METRICS: Domain = Domain::Choice(&[
    "minkowski",
    "euclidean",
    "l2",
    "manhattan",
    "l1",
    "cityblock",
    "chebyshev",
]);

impl Metric {
    /// Of the parameters `metric` and, for 'minkowski', `p`; without it, 2.
    pub fn of(parameters: &Parameters) -> Self {
        match parameters.word("metric") {
            "euclidean" | "l2" => Self::Euclidean,
            "manhattan" | "l1" | "cityblock" => Self::Manhattan,
            "chebyshev" => Self::Chebyshev,
            _ => match parameters.get("p").as_number().unwrap_or(2.0) {
                1.0 => Self::Manhattan,
                2.0 => Self::Euclidean,
                p => Self::Minkowski(p),
            },
        }
    }

    #[inline(always)]
    fn add(self, so_far: f64, difference: f64) -> f64 {
        match self {
            Self::Manhattan => so_far + difference.abs(),
            Self::Euclidean => so_far + difference * difference,
            Self::Chebyshev => so_far.max(difference.abs()),
            Self::Minkowski(_) if difference == 0.0 => so_far,
            Self::Minkowski(p) => so_far + exp(p * ln(difference.abs())),
        }
    }

    /// The distance of a reduced one.
    pub fn full(self, reduced: f64) -> f64 {
        match self {
            Self::Manhattan | Self::Chebyshev => reduced,
            Self::Euclidean => reduced.sqrt(),
            Self::Minkowski(_) if reduced == 0.0 => 0.0,
            Self::Minkowski(p) => exp(ln(reduced) / p),
        }
    }

    /// The reduced distance of a distance.
    pub fn reduced(self, full: f64) -> f64 {
        self.add(0.0, full)
    }

    /// Powers are only monotonic up to their last digits.
    fn slack(self) -> f64 {
        match self {
            Self::Minkowski(_) => 1.0 - 1e-9,
            _ => 1.0,
        }
    }
}

/// A point near another, and its reduced distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Neighbor {
    pub reduced: f64,
    pub point: u32,
}

impl Neighbor {
    fn before(&self, other: &Self) -> bool {
        (self.reduced, self.point) < (other.reduced, other.point)
    }
}

#[derive(Debug)]
struct Node {
    from: usize,
    to: usize,
    /// Both, or none.
    children: Option<(usize, usize)>,
}

#[derive(Debug)]
pub struct Tree {
    metric: Metric,
    width: usize,
    /// The points' coordinates, leaf by leaf; in a leaf, feature by feature.
    leaves: Vec<f64>,
    /// The numbers of the points in the order of the leaves.
    numbers: Vec<u32>,
    nodes: Vec<Node>,
    /// Of each node, the least and then the greatest coordinates.
    boxes: Vec<f64>,
}

impl Tree {
    pub fn new(metric: Metric, points: &Points) -> Result<Self> {
        Self::watched(metric, points, &Watch::default())
    }

    /// The same, which may be ended.
    pub fn watched(metric: Metric, points: &Points, watch: &Watch) -> Result<Self> {
        let count = u32::try_from(points.count());
        let count = count.map_err(|_| Error::new(Kind::Limit, "too many points to compare"))?;
        let mut tree = Self {
            metric,
            width: points.width,
            leaves: Vec::with_capacity(points.data.len()),
            numbers: (0..count).collect(),
            nodes: Vec::new(),
            boxes: Vec::new(),
        };
        if count > 0 {
            tree.grow(points, 0, count as usize, watch)?;
        }
        Ok(tree)
    }

    /// Adds the node of the points from `from` to `to`, and those below it.
    fn grow(&mut self, points: &Points, from: usize, to: usize, watch: &Watch) -> Result<usize> {
        watch.check()?;
        let at = self.nodes.len();
        self.nodes.push(Node {
            from,
            to,
            children: None,
        });
        let axis = self.measure(points, from, to);
        if to - from <= LEAF {
            for feature in 0..self.width {
                let column = self.numbers[from..to].iter();
                let column =
                    column.map(|number| points.data[*number as usize * self.width + feature]);
                self.leaves.extend(column);
            }
            return Ok(at);
        }
        let middle = (to - from) / 2;
        let coordinate = |number: &u32| points.data[*number as usize * points.width + axis];
        self.numbers[from..to].select_nth_unstable_by(middle, |a, b| {
            coordinate(a).total_cmp(&coordinate(b)).then(a.cmp(b))
        });
        let left = self.grow(points, from, from + middle, watch)?;
        let right = self.grow(points, from + middle, to, watch)?;
        self.nodes[at].children = Some((left, right));
        Ok(at)
    }

    /// Adds the box of some points; gives its widest side.
    fn measure(&mut self, points: &Points, from: usize, to: usize) -> usize {
        let mut least = vec![f64::INFINITY; self.width];
        let mut most = vec![f64::NEG_INFINITY; self.width];
        for number in &self.numbers[from..to] {
            let start = *number as usize * self.width;
            let point = &points.data[start..start + self.width];
            for ((value, least), most) in point.iter().zip(&mut least).zip(&mut most) {
                *least = least.min(*value);
                *most = most.max(*value);
            }
        }
        let side = |axis: usize| most[axis] - least[axis];
        let widest = (0..self.width).fold(0, |a, b| if side(b) > side(a) { b } else { a });
        self.boxes.extend(least);
        self.boxes.extend(most);
        widest
    }

    /// No point of the node is nearer than this.
    fn bound(&self, node: usize, from: &[f64]) -> f64 {
        let sides = &self.boxes[node * 2 * self.width..(node + 1) * 2 * self.width];
        let (least, most) = sides.split_at(self.width);
        let sides = from.iter().zip(least).zip(most);
        let distance = sides.fold(0.0, |so_far, ((x, least), most)| {
            let outside = if x < least {
                least - x
            } else if x > most {
                x - most
            } else {
                0.0
            };
            self.metric.add(so_far, outside)
        });
        distance * self.metric.slack()
    }

    /// The distances to the points of a leaf.
    fn distances(&self, node: &Node, from: &[f64]) -> [f64; LEAF] {
        let count = node.to - node.from;
        let mut distances = [0.0; LEAF];
        let leaf = &self.leaves[node.from * self.width..node.to * self.width];
        for (column, x) in leaf.chunks_exact(count).zip(from) {
            for (distance, value) in distances.iter_mut().zip(column) {
                *distance = self.metric.add(*distance, value - x);
            }
        }
        distances
    }

    /// The `count` points nearest to `from`, or all if there are fewer; nearest first.
    pub fn nearest(&self, from: &[f64], count: usize, found: &mut Vec<Neighbor>) {
        found.clear();
        if !self.nodes.is_empty() && count > 0 {
            self.nearest_in(0, self.bound(0, from), from, count, found);
        }
    }

    fn nearest_in(
        &self,
        at: usize,
        bound: f64,
        from: &[f64],
        count: usize,
        found: &mut Vec<Neighbor>,
    ) {
        // Equally far ones may still have smaller numbers.
        let full = found.len() == count;
        if full && found.last().is_some_and(|last| bound > last.reduced) {
            return;
        }
        let node = &self.nodes[at];
        if let Some((left, right)) = node.children {
            let bounds = (self.bound(left, from), self.bound(right, from));
            let (first, second) = match bounds.0 <= bounds.1 {
                true => ((left, bounds.0), (right, bounds.1)),
                false => ((right, bounds.1), (left, bounds.0)),
            };
            self.nearest_in(first.0, first.1, from, count, found);
            self.nearest_in(second.0, second.1, from, count, found);
            return;
        }
        let distances = self.distances(node, from);
        for (point, reduced) in self.numbers[node.from..node.to].iter().zip(distances) {
            let neighbor = Neighbor {
                reduced,
                point: *point,
            };
            if found.len() == count {
                if !found.last().is_some_and(|last| neighbor.before(last)) {
                    continue;
                }
                found.pop();
            }
            let place = found.partition_point(|other| other.before(&neighbor));
            found.insert(place, neighbor);
        }
    }

    /// Calls `see` with each point that is at most `reduced` far from `from`, in no order.
    pub fn within(&self, from: &[f64], reduced: f64, see: &mut impl FnMut(u32)) {
        if !self.nodes.is_empty() {
            self.within_node(0, from, reduced, see);
        }
    }

    fn within_node(&self, at: usize, from: &[f64], reduced: f64, see: &mut impl FnMut(u32)) {
        if self.bound(at, from) > reduced {
            return;
        }
        let node = &self.nodes[at];
        if let Some((left, right)) = node.children {
            self.within_node(left, from, reduced, see);
            self.within_node(right, from, reduced, see);
            return;
        }
        let distances = self.distances(node, from);
        for (point, distance) in self.numbers[node.from..node.to].iter().zip(distances) {
            if distance <= reduced {
                see(*point);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{mix, unit};

    #[test]
    fn the_nearest_are_those_of_a_look_at_every_point() {
        // Coordinates are coarse: many points are equally far.
        let coordinate = |at: u64| (unit(mix(at)) * 12.0).floor();
        for metric in [
            Metric::Euclidean,
            Metric::Manhattan,
            Metric::Chebyshev,
            Metric::Minkowski(3.0),
        ] {
            for (count, width, wanted) in [(400, 3, 7), (37, 1, 50), (1, 2, 1), (0, 2, 3)] {
                let points = Points {
                    width,
                    data: (0..(count * width) as u64).map(coordinate).collect(),
                };
                let tree = Tree::new(metric, &points).unwrap();
                for query in 0..50u64 {
                    let from: Vec<f64> = (0..width as u64)
                        .map(|at| coordinate(9999 + query * 7 + at))
                        .collect();
                    let reduced = |point: &[f64]| {
                        let pairs = point.iter().zip(&from);
                        pairs.fold(0.0, |so_far, (a, b)| metric.add(so_far, a - b))
                    };
                    let mut all: Vec<Neighbor> = (0..)
                        .zip(points.iter().map(reduced))
                        .map(|(point, reduced)| Neighbor { reduced, point })
                        .collect();
                    all.sort_by(|a, b| a.reduced.total_cmp(&b.reduced).then(a.point.cmp(&b.point)));
                    let mut found = Vec::new();
                    tree.nearest(&from, wanted, &mut found);
                    assert_eq!(found, all[..wanted.min(count)]);
                    let radius = metric.reduced(4.0);
                    let mut near = Vec::new();
                    tree.within(&from, radius, &mut |point| near.push(point));
                    near.sort_unstable();
                    let mut expected: Vec<u32> = all
                        .iter()
                        .filter(|n| n.reduced <= radius)
                        .map(|n| n.point)
                        .collect();
                    expected.sort_unstable();
                    assert_eq!(near, expected);
                }
            }
        }
    }
}

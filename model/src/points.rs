//! Points among the rows: which of them is nearest to each row, and how far it is.
//!
//! Squared distances are sums of squared differences, in the order of the features: the shorter way
//! by `|x|² - 2 x·c + |c|²` loses all digits far from the origin. A tile of eight rows and four points
//! stays in registers while the features go by.

use pulp::Arch;
use serde::{Deserialize, Serialize};

use crate::rows::Rows;

/// Points with `width` coordinates each, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Points {
    pub width: usize,
    pub data: Vec<f64>,
}

/// The nearest point of each row (the first of several), and the square of its distance.
#[derive(Debug)]
pub struct Nearest {
    pub points: Vec<f64>,
    pub squares: Vec<f64>,
}

const ROWS: usize = 8;
const POINTS: usize = 4;

impl Points {
    pub fn iter(&self) -> std::slice::ChunksExact<'_, f64> {
        self.data.chunks_exact(self.width.max(1))
    }

    pub fn count(&self) -> usize {
        self.iter().len()
    }

    pub fn push(&mut self, point: &[f64]) {
        self.data.extend_from_slice(point);
    }

    pub fn at(&self, number: usize) -> &[f64] {
        &self.data[number * self.width..(number + 1) * self.width]
    }

    /// The points with these numbers.
    pub fn select(&self, numbers: &[usize]) -> Self {
        let points = numbers.iter().flat_map(|number| self.at(*number));
        Self {
            width: self.width,
            data: points.copied().collect(),
        }
    }

    pub fn nearest(&self, rows: &Rows<'_>) -> Nearest {
        let mut nearest = Nearest {
            points: vec![0.0; rows.count],
            squares: vec![f64::INFINITY; rows.count],
        };
        Arch::new().dispatch(
            #[inline(always)]
            || {
                let whole = rows.count - rows.count % ROWS;
                for row in (0..whole).step_by(ROWS) {
                    self.nearest_tile::<ROWS>(rows, row, &mut nearest);
                }
                for row in whole..rows.count {
                    self.nearest_tile::<1>(rows, row, &mut nearest);
                }
            },
        );
        nearest
    }

    #[inline(always)]
    fn nearest_tile<const N: usize>(&self, rows: &Rows<'_>, row: usize, nearest: &mut Nearest) {
        let (mut best, mut points) = ([f64::INFINITY; N], [0.0; N]);
        for (group, from) in self.groups() {
            let (squares, there) = self.tile::<N>(rows, row, group);
            for (at, squares) in squares.iter().enumerate().take(there) {
                let point = (from + at) as f64;
                for lane in 0..N {
                    let closer = squares[lane] < best[lane];
                    best[lane] = if closer { squares[lane] } else { best[lane] };
                    points[lane] = if closer { point } else { points[lane] };
                }
            }
        }
        let lanes = row..row + N;
        nearest.squares[lanes.clone()].copy_from_slice(&best);
        nearest.points[lanes].copy_from_slice(&points);
    }

    /// A column of distances for each point.
    pub fn distances(&self, rows: &Rows<'_>) -> Vec<Vec<f64>> {
        let mut distances = vec![vec![0.0; rows.count]; self.count()];
        Arch::new().dispatch(
            #[inline(always)]
            || {
                let whole = rows.count - rows.count % ROWS;
                for row in (0..whole).step_by(ROWS) {
                    self.distance_tile::<ROWS>(rows, row, &mut distances);
                }
                for row in whole..rows.count {
                    self.distance_tile::<1>(rows, row, &mut distances);
                }
            },
        );
        distances
    }

    #[inline(always)]
    fn distance_tile<const N: usize>(
        &self,
        rows: &Rows<'_>,
        row: usize,
        distances: &mut [Vec<f64>],
    ) {
        for (group, from) in self.groups() {
            let (squares, there) = self.tile::<N>(rows, row, group);
            for (squares, column) in squares.iter().zip(&mut distances[from..from + there]) {
                column[row..row + N].copy_from_slice(&squares.map(f64::sqrt));
            }
        }
    }

    /// Points that are looked at together, and the number of the first.
    fn groups(&self) -> impl Iterator<Item = (&[f64], usize)> {
        let groups = self.data.chunks(POINTS * self.width.max(1));
        groups.zip((0..).step_by(POINTS))
    }

    /// Squared distances of `N` rows from `row` on to a group of points, and how many these are.
    #[inline(always)]
    fn tile<const N: usize>(
        &self,
        rows: &Rows<'_>,
        row: usize,
        group: &[f64],
    ) -> ([[f64; N]; POINTS], usize) {
        let width = self.width.max(1);
        let there = group.len() / width;
        // The last group is filled up with its last point.
        let point = |at: usize| {
            let at = at.min(there.saturating_sub(1));
            group.get(at * width..(at + 1) * width).unwrap_or_default()
        };
        let points = [point(0), point(1), point(2), point(3)];
        (tile::<N>(rows.features, row, points), there)
    }
}

#[inline(always)]
fn tile<const N: usize>(
    features: &[&[f64]],
    row: usize,
    points: [&[f64]; POINTS],
) -> [[f64; N]; POINTS] {
    let mut squares = [[0.0; N]; POINTS];
    for (at, feature) in features.iter().enumerate() {
        let Some(values) = feature.get(row..).and_then(|rest| rest.first_chunk::<N>()) else {
            continue;
        };
        for (squares, point) in squares.iter_mut().zip(points) {
            let coordinate = point.get(at).copied().unwrap_or(0.0);
            for lane in 0..N {
                let difference = values[lane] - coordinate;
                squares[lane] += difference * difference;
            }
        }
    }
    squares
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::{mix, unit};

    #[test]
    fn distances_are_the_direct_ones() {
        let draw = |at: u64| 1e9 + unit(mix(at));
        for (count, width, points) in [(21, 3, 6), (8, 1, 4), (3, 5, 1), (0, 2, 2)] {
            let column = |at: usize| (0..count).map(move |row| draw((row * 17 + at) as u64));
            let columns: Vec<Vec<f64>> = (0..width).map(|at| column(at).collect()).collect();
            let features: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
            let rows = Rows::of(&features, count);
            let data = (0..points * width).map(|at| draw(1000 + at as u64));
            let points = Points {
                width,
                data: data.collect(),
            };
            let found = points.distances(&rows);
            let nearest = points.nearest(&rows);
            for row in 0..count {
                let square = |point: &[f64]| {
                    let pairs = point.iter().zip(&columns);
                    pairs.fold(0.0, |sum, (c, x)| sum + (x[row] - c) * (x[row] - c))
                };
                let expected: Vec<f64> = points.iter().map(square).collect();
                let best = (0..expected.len())
                    .min_by(|a, b| expected[*a].total_cmp(&expected[*b]))
                    .unwrap();
                assert_eq!(nearest.points[row], best as f64);
                assert_eq!(nearest.squares[row], expected[best]);
                for (point, square) in expected.iter().enumerate() {
                    assert_eq!(found[point][row], square.sqrt());
                }
            }
        }
    }
}

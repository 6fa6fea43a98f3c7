//! Metrics of labels: how much weight each pair of a true and a predicted label has.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::error::{Error, Kind, Result};
use crate::sum::Sum;

/// The largest number of labels.
pub const LABELS: usize = 1000;

/// The weight of each pair of labels that was seen.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Confusion {
    pairs: BTreeMap<(String, String), Sum>,
    labels: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    Accuracy,
    BalancedAccuracy,
    Ratio(Ratio, Average),
    Matthews,
    Kappa,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ratio {
    Precision,
    Recall,
    F1,
}

/// Of which labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Average {
    Positive,
    Mean,
    Pooled,
    Weighted,
}

impl Rule {
    pub const PRECISION: Self = Rule::Ratio(Ratio::Precision, Average::Positive);
    pub const RECALL: Self = Rule::Ratio(Ratio::Recall, Average::Positive);
    pub const F1: Self = Rule::Ratio(Ratio::F1, Average::Positive);

    const fn over(self, average: Average) -> Self {
        match self {
            Rule::Ratio(ratio, _) => Rule::Ratio(ratio, average),
            other => other,
        }
    }

    pub const fn mean(self) -> Self {
        self.over(Average::Mean)
    }

    pub const fn pooled(self) -> Self {
        self.over(Average::Pooled)
    }

    pub const fn weighted(self) -> Self {
        self.over(Average::Weighted)
    }
}

impl Confusion {
    pub fn add(&mut self, label: &str, predicted: &str, weight: Sum) -> Result<()> {
        for label in [label, predicted] {
            if !self.labels.contains(label) {
                if self.labels.len() == LABELS {
                    let message = format!("there are more than {LABELS} labels");
                    let hint = "Is it a number that is predicted? Metrics of numbers are r2_score, mean_squared_error and others.";
                    return Err(Error::new(Kind::Limit, message).hint(hint));
                }
                self.labels.insert(label.to_string());
            }
        }
        let pair = (label.to_string(), predicted.to_string());
        let sum = self.pairs.entry(pair).or_default();
        *sum = *sum + weight;
        Ok(())
    }

    /// Labels that are numbers.
    pub(super) fn update(
        &mut self,
        truth: &[f64],
        found: &[f64],
        weight: Option<&[f64]>,
    ) -> Result<()> {
        let mut seen: BTreeMap<(u64, u64), Sum> = BTreeMap::new();
        for (row, (label, predicted)) in truth.iter().zip(found).enumerate() {
            // Both zeros are one label.
            let pair = ((label + 0.0).to_bits(), (predicted + 0.0).to_bits());
            let sum = seen.entry(pair).or_default();
            sum.add(weight.and_then(|w| w.get(row)).copied().unwrap_or(1.0));
        }
        for ((label, predicted), sum) in seen {
            let text = |bits: u64| f64::from_bits(bits).to_string();
            self.add(&text(label), &text(predicted), sum)?;
        }
        Ok(())
    }

    pub fn merge(&mut self, other: &Self) -> Result<()> {
        let mut pairs = other.pairs.iter();
        pairs.try_for_each(|((label, predicted), sum)| self.add(label, predicted, *sum))
    }

    pub fn size(&self) -> usize {
        let text = |text: &String| text.len() + 32;
        let pairs = self.pairs.keys().map(|(a, b)| text(a) + text(b) + 24);
        pairs.sum::<usize>() + self.labels.iter().map(text).sum::<usize>()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend((self.pairs.len() as u32).to_le_bytes());
        for ((label, predicted), sum) in &self.pairs {
            for text in [label, predicted] {
                out.extend((text.len() as u32).to_le_bytes());
                out.extend(text.as_bytes());
            }
            out.extend(sum.hi.to_le_bytes());
            out.extend(sum.lo.to_le_bytes());
        }
    }

    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let mut read = Self::default();
        for _ in 0..count(bytes)? {
            let (label, predicted) = (text(bytes)?, text(bytes)?);
            let sum = Sum {
                hi: number(bytes)?,
                lo: number(bytes)?,
            };
            read.add(&label, &predicted, sum).ok()?;
        }
        Some(read)
    }

    pub(super) fn finish(&self, name: &str, rule: Rule) -> Result<Option<f64>> {
        let matrix = Matrix::of(self);
        if matrix.whole == 0.0 {
            return Ok(None);
        }
        Ok(Some(match rule {
            Rule::Accuracy => matrix.right.iter().sum::<f64>() / matrix.whole,
            Rule::BalancedAccuracy => matrix.balanced_accuracy(),
            Rule::Ratio(ratio, Average::Positive) => {
                match matrix.positive(name)? {
                    Some(label) => matrix.ratio(ratio, label),
                    // Nothing is positive, nor said to be.
                    None => 0.0,
                }
            }
            Rule::Ratio(ratio, average) => matrix.average(ratio, average),
            Rule::Matthews => matrix.matthews(),
            Rule::Kappa => matrix.kappa(),
        }))
    }
}

fn count(bytes: &mut &[u8]) -> Option<usize> {
    let (head, rest) = bytes.split_first_chunk::<4>()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*head) as usize)
}

fn text(bytes: &mut &[u8]) -> Option<String> {
    let length = count(bytes)?;
    let (head, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    String::from_utf8(head.to_vec()).ok()
}

fn number(bytes: &mut &[u8]) -> Option<f64> {
    let (head, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(f64::from_le_bytes(*head))
}

/// The sums of the confusion matrix, by label in the labels' order.
struct Matrix<'a> {
    labels: Vec<&'a str>,
    /// Weight of rows of the label for which it was predicted.
    right: Vec<f64>,
    of_label: Vec<f64>,
    of_predicted: Vec<f64>,
    whole: f64,
}

impl<'a> Matrix<'a> {
    fn of(confusion: &'a Confusion) -> Self {
        let mut labels: Vec<&str> = confusion.labels.iter().map(String::as_str).collect();
        let numbers = labels.iter().all(|label| label.parse::<f64>().is_ok());
        if numbers {
            labels.sort_by(|a, b| by_number(a, b));
        }
        let places: BTreeMap<&str, usize> = labels.iter().copied().zip(0..).collect();
        let mut sums = [const { Vec::new() }; 3];
        sums.iter_mut()
            .for_each(|sum| sum.resize(labels.len(), Sum::ZERO));
        let [mut right, mut of_label, mut of_predicted] = sums;
        let mut whole = Sum::ZERO;
        for ((label, predicted), sum) in &confusion.pairs {
            let (Some(&row), Some(&column)) =
                (places.get(label.as_str()), places.get(predicted.as_str()))
            else {
                continue;
            };
            whole = whole + *sum;
            of_label[row] = of_label[row] + *sum;
            of_predicted[column] = of_predicted[column] + *sum;
            if row == column {
                right[row] = right[row] + *sum;
            }
        }
        let values = |sums: Vec<Sum>| sums.iter().map(|sum| sum.value()).collect();
        Self {
            labels,
            right: values(right),
            of_label: values(of_label),
            of_predicted: values(of_predicted),
            whole: whole.value(),
        }
    }

    fn all(&self) -> std::ops::Range<usize> {
        0..self.labels.len()
    }

    /// The larger of two labels; of a single one, itself unless it says no.
    fn positive(&self, name: &str) -> Result<Option<usize>> {
        match self.labels.as_slice() {
            [only] => Ok((!["0", "-1", "false", "f", "no"].contains(only)).then_some(0)),
            [_, _] => Ok(Some(1)),
            labels => {
                let message = format!("{name} needs two labels; there are {}", labels.len());
                let stem = name.trim_end_matches("_score");
                let hint =
                    format!("Of more labels, take {stem}_macro, {stem}_micro or {stem}_weighted.");
                Err(Error::rows(message).hint(hint))
            }
        }
    }

    fn ratio(&self, ratio: Ratio, label: usize) -> f64 {
        let (right, label, predicted) = (
            self.right[label],
            self.of_label[label],
            self.of_predicted[label],
        );
        ratio.of(right, label, predicted)
    }

    fn average(&self, ratio: Ratio, average: Average) -> f64 {
        let sum = |of: &[f64]| of.iter().sum::<f64>();
        if average == Average::Pooled {
            let (label, predicted) = (sum(&self.of_label), sum(&self.of_predicted));
            return ratio.of(sum(&self.right), label, predicted);
        }
        let weight = |label: usize| match average {
            Average::Weighted => self.of_label[label],
            _ => 1.0,
        };
        let (mut scores, mut weights) = (0.0, 0.0);
        for label in self.all() {
            scores += self.ratio(ratio, label) * weight(label);
            weights += weight(label);
        }
        scores / weights
    }

    fn balanced_accuracy(&self) -> f64 {
        let known: Vec<usize> = self.all().filter(|l| self.of_label[*l] > 0.0).collect();
        let recalls = known.iter().map(|l| self.right[*l] / self.of_label[*l]);
        recalls.sum::<f64>() / known.len() as f64
    }

    /// Gorodkin (2004), "Comparing two K-category assignments by a K-category correlation
    /// coefficient".
    fn matthews(&self) -> f64 {
        let products = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let square = self.whole * self.whole;
        let together = self.right.iter().sum::<f64>() * self.whole
            - products(&self.of_label, &self.of_predicted);
        let apart = (square - products(&self.of_label, &self.of_label))
            * (square - products(&self.of_predicted, &self.of_predicted));
        match apart > 0.0 {
            true => together / apart.sqrt(),
            false => 0.0,
        }
    }

    fn kappa(&self) -> f64 {
        let pairs = self.of_label.iter().zip(&self.of_predicted);
        let chance = pairs.map(|(a, b)| a * b).sum::<f64>() / self.whole;
        match self.whole > chance {
            true => 1.0 - (self.whole - self.right.iter().sum::<f64>()) / (self.whole - chance),
            false => f64::NAN,
        }
    }
}

impl Ratio {
    fn of(self, right: f64, label: f64, predicted: f64) -> f64 {
        let (part, of) = match self {
            Ratio::Precision => (right, predicted),
            Ratio::Recall => (right, label),
            Ratio::F1 => (2.0 * right, label + predicted),
        };
        if of == 0.0 { 0.0 } else { part / of }
    }
}

fn by_number(a: &str, b: &str) -> Ordering {
    let number = |text: &str| text.parse::<f64>().unwrap_or(f64::NAN);
    number(a).total_cmp(&number(b)).then_with(|| a.cmp(b))
}

//! How a scalar function of ours is declared: a [`Scalar`] names it, documents it and lists its
//! overloads; [`Function`] turns the declaration into a function of DataFusion.
//!
//! Overloads are chosen as PostgreSQL does: the one that needs the fewest implicit casts, the first
//! of equals. A bare string may stand for a date, time or interval. Functions get arrays of the
//! declared types, one row per row of the batch, or a single row when every argument is constant.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef, IntervalUnit, TimeUnit};
use datafusion::common::{Result, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};

use super::types::sql_name;
use crate::error::{Error, Kind};
use crate::sql::pg_type::PG_TYPE;

/// What an argument accepts; the function gets the type that the comment names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arg {
    /// Any of the three string layouts.
    Text,
    /// `Int64`
    Int,
    /// `Int32` and nothing else
    Int32,
    /// `Float64`
    Float,
    /// `Decimal128` of any precision and scale
    Decimal,
    /// `Binary`
    Bytes,
    /// `Date32`
    Date,
    /// `Timestamp(Microsecond, None)`
    Timestamp,
    /// `Timestamp(Microsecond, Some(zone))`
    TimestampTz,
    /// `Time64(Microsecond)`
    Time,
    /// `Interval(MonthDayNano)`
    Interval,
    /// `List` of anything
    List,
    /// `List(Int64)`
    IntList,
    /// `List(Float64)`
    FloatList,
    /// `List(Utf8)`
    TextList,
    /// Anything, as it is
    Any,
}

/// Casts that a caller did not write but would accept, from cheap to last resort.
const EXACT: u32 = 0;
const SAME_FAMILY: u32 = 1;
const WIDENING: u32 = 10;
const FROM_LITERAL: u32 = 100;
const ANYTHING: u32 = 1000;

impl Arg {
    /// The type the function gets for an argument of type `given`, and what the cast costs.
    fn accept(self, given: &DataType) -> Option<(DataType, u32)> {
        if let DataType::Dictionary(_, value) = given {
            return self.accept(value).map(|(t, cost)| (t, cost + SAME_FAMILY));
        }
        let wanted = self.canonical();
        match (self, given) {
            (Arg::Any, _) => Some((given.clone(), ANYTHING)),
            (_, DataType::Null) => Some((wanted, SAME_FAMILY)),
            (Arg::Decimal, DataType::Decimal128(..)) => Some((given.clone(), EXACT)),
            (Arg::Decimal, t) if t.is_integer() => Some((DataType::Decimal128(20, 0), WIDENING)),
            (Arg::TimestampTz, DataType::Timestamp(_, Some(zone))) => {
                let wanted = DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::clone(zone)));
                Some((wanted, EXACT))
            }
            (Arg::Text, t) if t.is_string() => Some((t.clone(), EXACT)),
            (Arg::List, DataType::List(_)) => Some((given.clone(), EXACT)),
            (Arg::List, DataType::LargeList(item) | DataType::FixedSizeList(item, _)) => {
                Some((DataType::List(Arc::clone(item)), SAME_FAMILY))
            }
            (_, t) if *t == wanted => Some((wanted, EXACT)),
            _ => self.cast_cost(given).map(|cost| (wanted, cost)),
        }
    }

    fn cast_cost(self, given: &DataType) -> Option<u32> {
        use DataType as T;
        let literal = given.is_string().then_some(FROM_LITERAL);
        match self {
            Arg::Int => given.is_integer().then_some(SAME_FAMILY),
            Arg::Float => match given {
                t if t.is_floating() => Some(SAME_FAMILY),
                t if t.is_decimal() => Some(WIDENING + 1),
                t if t.is_integer() => Some(WIDENING + 2),
                _ => None,
            },
            Arg::Bytes => matches!(
                given,
                T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_)
            )
            .then_some(SAME_FAMILY),
            Arg::Date => literal,
            Arg::Timestamp => match given {
                T::Timestamp(_, None) => Some(EXACT),
                T::Date32 | T::Date64 => Some(WIDENING),
                _ => literal.map(|cost| cost - 1),
            },
            Arg::Time => match given {
                T::Time32(_) | T::Time64(_) => Some(EXACT),
                _ => literal,
            },
            Arg::Interval => match given {
                T::Interval(_) | T::Duration(_) => Some(SAME_FAMILY),
                _ => literal,
            },
            Arg::IntList | Arg::FloatList | Arg::TextList => match (self, given) {
                (_, T::List(item) | T::LargeList(item) | T::FixedSizeList(item, _)) => {
                    let item = item.data_type();
                    let fits = match self {
                        Arg::TextList => item.is_string(),
                        Arg::IntList => item.is_integer(),
                        _ => item.is_numeric(),
                    };
                    (fits || item.is_null()).then_some(SAME_FAMILY)
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn canonical(self) -> DataType {
        match self {
            Arg::Text => DataType::Utf8,
            Arg::Int => DataType::Int64,
            Arg::Int32 => DataType::Int32,
            Arg::Float => DataType::Float64,
            Arg::Decimal => DataType::Decimal128(38, 10),
            Arg::Bytes => DataType::Binary,
            Arg::Date => DataType::Date32,
            Arg::Timestamp => MICROS,
            Arg::TimestampTz => micros_tz("UTC"),
            Arg::Time => DataType::Time64(TimeUnit::Microsecond),
            Arg::Interval => DataType::Interval(IntervalUnit::MonthDayNano),
            Arg::List => DataType::new_list(DataType::Null, true),
            Arg::IntList => DataType::new_list(DataType::Int64, true),
            Arg::FloatList => DataType::new_list(DataType::Float64, true),
            Arg::TextList => DataType::new_list(DataType::Utf8, true),
            Arg::Any => DataType::Null,
        }
    }
}

/// The timestamp of PostgreSQL.
pub(crate) const MICROS: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

pub(crate) fn micros_tz(zone: &str) -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from(zone)))
}

/// One list of argument types, its result type and its code.
pub(crate) struct Overload {
    pub takes: &'static [Arg],
    /// More arguments of this kind may follow.
    pub rest: Option<Arg>,
    pub gives: fn(&[DataType]) -> DataType,
    pub run: fn(&Call) -> Result<ArrayRef>,
}

/// An overload with a fixed number of arguments.
pub(crate) const fn takes(
    takes: &'static [Arg],
    gives: fn(&[DataType]) -> DataType,
    run: fn(&Call) -> Result<ArrayRef>,
) -> Overload {
    Overload {
        takes,
        rest: None,
        gives,
        run,
    }
}

/// An overload that takes any number of further arguments.
pub(crate) const fn variadic(
    takes: &'static [Arg],
    rest: Arg,
    gives: fn(&[DataType]) -> DataType,
    run: fn(&Call) -> Result<ArrayRef>,
) -> Overload {
    Overload {
        takes,
        rest: Some(rest),
        gives,
        run,
    }
}

impl Overload {
    fn accept(&self, given: &[DataType]) -> Option<(Vec<DataType>, u32)> {
        let fits = match self.rest {
            None => given.len() == self.takes.len(),
            Some(_) => given.len() >= self.takes.len(),
        };
        if !fits {
            return None;
        }
        let mut types = Vec::with_capacity(given.len());
        let mut total = 0;
        for (i, t) in given.iter().enumerate() {
            let arg = self.takes.get(i).copied().or(self.rest)?;
            let (accepted, cost) = arg.accept(t)?;
            types.push(accepted);
            total += cost;
        }
        Some((types, total))
    }
}

type TypedBy = fn(&[Option<&ScalarValue>]) -> Option<DataType>;

/// A scalar function: its name, its page in the documentation, and its overloads.
pub(crate) struct Scalar {
    pub name: &'static str,
    pub aliases: &'static [&'static str],
    pub section: &'static str,
    pub syntax: &'static str,
    pub about: &'static str,
    pub volatility: Volatility,
    /// The result type where a constant argument decides it.
    pub typed_by: Option<TypedBy>,
    /// The PostgreSQL type of the result, where the Arrow type does not say it.
    pub pg_type: Option<&'static str>,
    pub overloads: &'static [Overload],
}

impl Scalar {
    /// An immutable function without aliases.
    pub(crate) const fn new(
        section: &'static str,
        name: &'static str,
        syntax: &'static str,
        about: &'static str,
        overloads: &'static [Overload],
    ) -> Self {
        Self {
            name,
            aliases: &[],
            section,
            syntax,
            about,
            volatility: Volatility::Immutable,
            typed_by: None,
            pg_type: None,
            overloads,
        }
    }

    pub(crate) const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    pub(crate) const fn that_is(mut self, volatility: Volatility) -> Self {
        self.volatility = volatility;
        self
    }

    pub(crate) const fn typed_by(mut self, typed_by: TypedBy) -> Self {
        self.typed_by = Some(typed_by);
        self
    }

    pub(crate) const fn of_pg(mut self, pg_type: &'static str) -> Self {
        self.pg_type = Some(pg_type);
        self
    }

    pub(crate) fn udf(&'static self) -> ScalarUDF {
        ScalarUDF::new_from_impl(Function {
            spec: self,
            signature: Signature::user_defined(self.volatility),
            aliases: self.aliases.iter().map(|a| a.to_string()).collect(),
            documentation: document(self.section, self.about, self.syntax),
        })
    }

    /// Whether an overload takes these types without a cast to another family of types.
    pub(crate) fn fits(&self, given: &[DataType]) -> bool {
        let cost = |o: &Overload| o.accept(given).map(|(_, cost)| cost);
        !given.iter().all(DataType::is_null)
            && self
                .overloads
                .iter()
                .filter_map(cost)
                .any(|cost| cost < WIDENING)
    }

    fn choose(&self, given: &[DataType]) -> Result<(&'static Overload, Vec<DataType>)> {
        let mut best: Option<(&'static Overload, Vec<DataType>, u32)> = None;
        for overload in self.overloads {
            if let Some((types, cost)) = overload.accept(given)
                && best.as_ref().is_none_or(|(_, _, least)| cost < *least)
            {
                best = Some((overload, types, cost));
            }
        }
        best.map(|(overload, types, _)| (overload, types))
            .ok_or_else(|| {
                let names: Vec<_> = given.iter().map(sql_name).collect();
                Error::new(
                    Kind::UndefinedFunction,
                    format!(
                        "no function matches {}({}); it is {}",
                        self.name,
                        names.join(", "),
                        self.syntax
                    ),
                )
                .into()
            })
    }
}

/// The documentation that SHOW FUNCTIONS and the pages print.
pub(crate) fn document(section: &'static str, about: &str, syntax: &str) -> Documentation {
    let section = DocSection {
        include: true,
        label: section,
        description: None,
    };
    Documentation::builder(section, about, syntax).build()
}

/// A [`Scalar`] as DataFusion sees it.
#[derive(Debug)]
struct Function {
    spec: &'static Scalar,
    signature: Signature,
    aliases: Vec<String>,
    documentation: Documentation,
}

impl std::fmt::Debug for Scalar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        self.spec.name == other.spec.name
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.name.hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn aliases(&self) -> &[String] {
        &self.aliases
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.spec.choose(given).map(|(_, types)| types)
    }

    fn return_type(&self, given: &[DataType]) -> Result<DataType> {
        let (overload, types) = self.spec.choose(given)?;
        Ok((overload.gives)(&types))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types = args.arg_fields.iter().map(|f| f.data_type().clone());
        let decided = self.spec.typed_by.and_then(|by| by(args.scalar_arguments));
        let result = match decided {
            Some(decided) => decided,
            None => self.return_type(&types.collect::<Vec<_>>())?,
        };
        let field = Field::new(self.name(), result, true);
        Ok(Arc::new(match self.spec.pg_type {
            Some(name) => field.with_metadata(HashMap::from([(PG_TYPE.into(), name.into())])),
            None => field,
        }))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let given: Vec<_> = args.args.iter().map(ColumnarValue::data_type).collect();
        let (overload, _) = self.spec.choose(&given)?;
        // A volatile function must give a new value for each row.
        let constant = self.spec.volatility != Volatility::Volatile
            && args
                .args
                .iter()
                .all(|a| matches!(a, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        let arrays = args
            .args
            .iter()
            .map(|a| a.to_array(rows))
            .collect::<Result<Vec<_>>>()?;
        let call = Call {
            name: self.spec.name,
            arrays,
            rows,
            returns: args.return_field.data_type().clone(),
            config: args.config_options,
        };
        let result = (overload.run)(&call)?;
        match constant {
            true => {
                let value = ScalarValue::try_from_array(&result, 0)?;
                super::constants::count(&call.config, value.size())?;
                Ok(ColumnarValue::Scalar(value))
            }
            false => Ok(ColumnarValue::Array(result)),
        }
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// One call of a function: its arguments as arrays of equal length.
pub(crate) struct Call {
    pub name: &'static str,
    pub arrays: Vec<ArrayRef>,
    pub rows: usize,
    pub returns: DataType,
    pub config: Arc<ConfigOptions>,
}

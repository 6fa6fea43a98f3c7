//! From what a statement asked for to a checked [`Definition`]: find the files, tell the format,
//! check every option, learn the columns.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::execution::SessionState;
use object_store::ObjectMeta;
use object_store::path::Path;

use super::definition::{Definition, StoredColumn};
use super::dialect::{self, Csv, SampleRows, Sampling};
use super::format::{Compression, Format, Named};
use super::infer::{self, Sample};
use super::reach::{Reach, Wish};
use super::store::{Address, Service, Store, StoreOptions};
use super::text::Text;
use super::{ColumnSpec, Spec, glob, hive, listing, location, types};
use crate::error::{Error, Kind, Result};
use crate::options::Options;

/// A folder that may be a table with a log.
pub struct Folder {
    pub location: String,
    pub options: StoreOptions,
    pub store: Store,
    /// The user said that it is one.
    pub is_delta: bool,
    /// Options that are not the store's.
    pub rest: Options,
}

impl Spec {
    pub async fn resolve(mut self, state: &SessionState) -> Result<Definition> {
        let locations = self.take_locations()?;
        self.reach.admit(&locations, Wish::Read)?;
        let store_options = self.take_store_options(&locations)?;
        self.reach.admit_store_options(store_options.is_empty())?;
        let places = Store::open_all(&locations, &store_options, state)?;
        let (format, implied) = self.take_format()?;
        let compression = self.take_compression()?;
        let hive = self
            .options
            .take_boolean("hive_partitioning")?
            .unwrap_or(true);
        let (files, format) = find(&places, &locations, format, &self.reach).await?;
        let delimiter = implied.unwrap_or_else(|| implied_delimiter(&files));
        let (csv, text, sampling) = take_text_options(&mut self.options, format, delimiter)?;
        let blocksize_bytes = match format.is_text() {
            true => dialect::take_blocksize(&mut self.options)?,
            false => 0,
        };
        std::mem::take(&mut self.options).finish()?;
        check_compression(format, compression)?;
        self.check_columns()?;

        let mut definition = Definition {
            locations,
            store_options,
            format,
            compression,
            csv,
            json: None,
            text,
            blocksize_bytes,
            hive_partitioning: hive,
            columns: vec![],
            partition_columns: vec![],
            declared: !self.columns.is_empty(),
        };
        let paths = files.iter().map(|file| &file.location);
        let partitions = self.partitions(hive, paths)?;
        definition.partition_columns = partitions
            .iter()
            .map(|field| StoredColumn::from(field.as_ref()))
            .collect();
        let Some(place) = places.first() else {
            return Err(Error::internal("a table without a location"));
        };
        let sample = Sample {
            state,
            store: &place.store,
            files: &files,
            rows: sampling.rows,
        };
        let mut fields = infer::columns(&sample, &mut definition, &self.columns).await?;
        fields.retain(|f| !partitions.iter().any(|p| p.name() == f.name()));
        override_types(state, &mut fields, &sampling)?;
        definition.columns = fields.iter().map(StoredColumn::from).collect();
        Ok(definition)
    }

    /// The one folder that it names, if that may be a table with a log: by its format, or because
    /// nothing says that it is a file or a pattern.
    pub fn folder(&self, state: &SessionState) -> Result<Option<Folder>> {
        let mut spec = self.clone();
        let (format, _) = spec.take_format()?;
        let is_delta = format == Some(Format::Delta);
        if format.is_some() && !is_delta {
            return Ok(None);
        }
        let locations = spec.take_locations()?;
        spec.reach.admit(&locations, Wish::Read)?;
        let [location] = locations.as_slice() else {
            return match is_delta {
                true => Err(Error::unsupported("a Delta table of several locations")),
                false => Ok(None),
            };
        };
        let is_file = glob::is_pattern(location) || Named::of(location).format.is_some();
        if is_file && !is_delta {
            return Ok(None);
        }
        let options = spec.take_store_options(&locations)?;
        spec.reach.admit_store_options(options.is_empty())?;
        let store = Store::open(location, &options, state)?;
        if store.service == Some(Service::Http) {
            return match is_delta {
                true => Err(Error::unsupported("a Delta table on an HTTP server")
                    .hint("Its log must be listed, which HTTP cannot.")),
                false => Ok(None),
            };
        }
        Ok(Some(Folder {
            location: location.clone(),
            options,
            store,
            is_delta,
            rest: spec.options,
        }))
    }

    fn take_locations(&mut self) -> Result<Vec<String>> {
        if let Some(given) = self.options.take_texts("location")? {
            self.locations.extend(given);
        }
        if self.locations.is_empty() {
            return Err(Error::new(Kind::InvalidTableDefinition, "an external table needs a location")
                .hint("Add location = 'path', which names a file, a folder or a pattern such as 'data/*.csv'."));
        }
        self.locations
            .iter()
            .map(|text| location::absolute(text))
            .collect()
    }

    /// The options of the store that the locations are in.
    fn take_store_options(&mut self, locations: &[String]) -> Result<StoreOptions> {
        match locations.first().map(|first| Address::parse(first)) {
            Some(Ok(Some((address, _)))) => StoreOptions::take(address.service, &mut self.options),
            _ => Ok(StoreOptions::default()),
        }
    }

    fn take_format(&mut self) -> Result<(Option<Format>, Option<u8>)> {
        let option = self.options.take_text("format")?;
        match option.or_else(|| self.format.take()) {
            None => Ok((None, None)),
            Some(name) => Format::parse(&name).map(|(format, delimiter)| (Some(format), delimiter)),
        }
    }

    fn take_compression(&mut self) -> Result<Option<Compression>> {
        match self.options.take_text("compression")? {
            Some(name) if !name.eq_ignore_ascii_case("auto") => {
                Ok(Some(Compression::parse(&name)?))
            }
            _ => Ok(None),
        }
    }

    fn check_columns(&self) -> Result<()> {
        let mut seen = BTreeSet::new();
        match self
            .columns
            .iter()
            .find(|column| !seen.insert(&column.name))
        {
            Some(twice) => Err(Error::new(
                Kind::DuplicateColumn,
                format!("column \"{}\" specified more than once", twice.name),
            )),
            None => Ok(()),
        }
    }

    /// The partition columns: those named, or all that every file has; a declared type wins.
    fn partitions<'a>(
        &self,
        hive: bool,
        paths: impl Iterator<Item = &'a Path>,
    ) -> Result<Vec<FieldRef>> {
        let found = if hive || self.partition_columns.is_some() {
            hive::infer(paths)
        } else {
            vec![]
        };
        let chosen = match &self.partition_columns {
            None => found,
            Some(names) => names
                .iter()
                .map(|name| {
                    found
                        .iter()
                        .find(|f| f.name() == name)
                        .cloned()
                        .ok_or_else(|| {
                            Error::new(
                                Kind::InvalidTableDefinition,
                                format!("no partition column \"{name}\" in the paths of the files"),
                            )
                            .hint(format!("Each file must be in a folder named \"{name}=…\"."))
                            .candidates(name, found.iter().map(|f| f.name().as_str()))
                        })
                })
                .collect::<Result<_>>()?,
        };
        let declared = |field: FieldRef| match self.columns.iter().find(|c| c.name == *field.name())
        {
            Some(column) => Arc::new(column.field()),
            None => field,
        };
        Ok(chosen.into_iter().map(declared).collect())
    }
}

impl ColumnSpec {
    pub fn field(&self) -> Field {
        Field::new(&self.name, self.data_type.clone(), self.nullable)
    }
}

/// The files of all locations and their format.
async fn find(
    places: &[Store],
    locations: &[String],
    format: Option<Format>,
    reach: &Reach,
) -> Result<(Vec<ObjectMeta>, Format)> {
    let mut found = Vec::new();
    for (place, location) in places.iter().zip(locations) {
        let listed = listing::list(place, location).await?;
        if place.service.is_none() {
            reach.admit_files(&listed.files)?;
        }
        found.push(listed);
    }
    let format = match format {
        Some(format) => format,
        None => deduce(places, found.iter().flat_map(|f| &f.files))?,
    };
    Ok((of_format(found, format), format))
}

/// Lists the files of a definition's locations, which were admitted, without those of other formats.
pub(super) async fn files(
    places: &[Store],
    locations: &[String],
    format: Format,
    reach: &Reach,
) -> Result<Vec<ObjectMeta>> {
    Ok(find(places, locations, Some(format), reach).await?.0)
}

/// Drops files of other formats from folders and globs, unless no name fits the format.
fn of_format(found: Vec<listing::Found>, format: Format) -> Vec<ObjectMeta> {
    let fits = |file: &ObjectMeta| Named::of(file.location.as_ref()).format == Some(format);
    let mut files: Vec<ObjectMeta> = Vec::new();
    for location in found {
        let any = location.files.iter().any(fits);
        let all = location.exact || !any;
        files.extend(location.files.into_iter().filter(|f| all || fits(f)));
    }
    files.sort_by(|a, b| a.location.cmp(&b.location));
    files.dedup_by(|a, b| a.location == b.location);
    files
}

fn deduce<'a>(places: &[Store], files: impl Iterator<Item = &'a ObjectMeta>) -> Result<Format> {
    let mut formats: Vec<Format> = Vec::new();
    let mut unknown = None;
    for file in files {
        match Named::of(file.location.as_ref()).format {
            Some(format) if !formats.contains(&format) => formats.push(format),
            Some(_) => {}
            None => unknown = unknown.or(Some(location::shown(&file.location))),
        }
    }
    let shown: Vec<_> = places.iter().map(|place| place.shown.as_str()).collect();
    let shown = shown.join("\", \"");
    match (formats.as_slice(), unknown) {
        ([one], _) => Ok(*one),
        ([], Some(file)) => Err(Error::new(
            Kind::InvalidTableDefinition,
            format!("the name of \"{file}\" does not tell its format"),
        )
        .hint("Add format = 'csv' (or parquet, tsv, json, avro, arrow).")),
        (several, _) => {
            let names: Vec<_> = several.iter().map(|f| f.name()).collect();
            Err(Error::new(
                Kind::InvalidTableDefinition,
                format!(
                    "\"{shown}\" has files of several formats: {}",
                    names.join(", ")
                ),
            )
            .hint("Add format = '…'; the files of the other formats are then left out."))
        }
    }
}

fn implied_delimiter(files: &[ObjectMeta]) -> u8 {
    let mut delimiters = files
        .iter()
        .map(|f| Named::of(f.location.as_ref()).delimiter);
    match delimiters.next() {
        Some(first) if delimiters.all(|d| d == first) => first,
        _ => b',',
    }
}

fn take_text_options(
    options: &mut Options,
    format: Format,
    delimiter: u8,
) -> Result<(Option<Csv>, Text, Sampling)> {
    let csv = match format {
        Format::Csv => Some(dialect::take_csv(options, delimiter)?),
        _ => None,
    };
    if !format.is_text() {
        let sampling = Sampling {
            rows: SampleRows::All,
            types: vec![],
        };
        return Ok((csv, Text::default(), sampling));
    }
    Ok((csv, Text::take(options)?, dialect::take_sampling(options)?))
}

fn check_compression(format: Format, compression: Option<Compression>) -> Result<()> {
    match compression {
        Some(c) if c != Compression::None && !format.is_text() => Err(Error::new(
            Kind::InvalidParameterValue,
            format!("{} files cannot be compressed as a whole", format.name()),
        )
        .hint("Leave the option out: the format compresses inside.")),
        _ => Ok(()),
    }
}

/// Gives the columns of `dtype` the types that the user named.
fn override_types(state: &SessionState, fields: &mut [Field], sampling: &Sampling) -> Result<()> {
    for (name, text) in &sampling.types {
        let data_type: DataType = types::parse(state, text)?;
        let known: Vec<String> = fields.iter().map(|f| f.name().clone()).collect();
        match fields.iter_mut().find(|f| f.name() == name) {
            Some(field) => *field = field.clone().with_data_type(data_type),
            None => {
                return Err(Error::new(
                    Kind::UndefinedColumn,
                    format!("column \"{name}\" of the option \"dtype\" does not exist"),
                )
                .candidates(name, known.iter().map(String::as_str)));
            }
        }
    }
    Ok(())
}

/// The declared columns as a schema.
pub(super) fn declared(columns: &[ColumnSpec]) -> Schema {
    Schema::new(columns.iter().map(ColumnSpec::field).collect::<Vec<_>>())
}

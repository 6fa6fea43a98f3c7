//! One version of a managed table: what its log says, and how it is scanned.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::{ScalarValue, Statistics};
use datafusion::datasource::listing::PartitionedFile;
use deltalake_core::DeltaTable;
use deltalake_core::kernel::{EagerSnapshot, LogicalFileView, Metadata, MetadataExt, Remove};
use futures::TryStreamExt;
use object_store::ObjectMeta;
use object_store::path::Path;
use parquet::arrow::RowNumber;

use super::create::delta_schema;
use super::layout::Layout;
use super::reader::Reader;
use super::types::storable;
use super::warehouse::{Place, store_error};
use super::{bounds, convert};
use crate::error::{Error, Kind, Result};
use crate::source::{Definition, FileTable, Format, Listed, StoreOptions, StoredColumn};

/// In a scan for a change: the number of the file that a row is in.
pub const FILE_COLUMN: &str = "\u{2}file";
/// In a scan for a change: the place of a row in its file, from 0.
pub const ROW_COLUMN: &str = "\u{2}row";

#[derive(Clone)]
pub struct TableVersion {
    table: DeltaTable,
    place: Place,
    schema: SchemaRef,
}

impl std::fmt::Debug for TableVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} version {}", self.place.path, self.version())
    }
}

impl TableVersion {
    pub(super) fn new(table: DeltaTable, place: Place) -> Result<Self> {
        let stored = snapshot(&table)?.arrow_schema();
        let fields = stored.fields().iter().map(|field| {
            let data_type = storable(field.data_type())?;
            Ok(Field::new(field.name(), data_type, field.is_nullable()))
        });
        let schema = Arc::new(Schema::new(fields.collect::<Result<Vec<_>>>()?));
        Ok(Self {
            table,
            place,
            schema,
        })
    }

    /// What other writers made that a plain scan of the files would answer wrongly.
    pub(super) fn needs_reader(&self) -> Result<Option<&'static str>> {
        let mapped = self.properties()?.get("delta.columnMapping.mode");
        if mapped.is_some_and(|mode| mode != "none") {
            return Ok(Some("column mapping"));
        }
        let log = self.snapshot()?.log_data();
        let mut vectors = log.iter().map(|file| file.deletion_vector_descriptor());
        Ok(vectors
            .any(|vector| vector.is_some())
            .then_some("deletion vectors"))
    }

    /// Fails when rows of the table's files cannot be replaced, or added with `only_added`.
    fn check_changeable(&self) -> Result<()> {
        match self.needs_reader()? {
            None => Ok(()),
            Some(what) => Err(Error::unsupported(format!(
                "changing rows of a Delta table with {what}"
            ))
            .hint("Another program set it: change the table with that program.")),
        }
    }

    pub(super) fn delta(&self) -> &DeltaTable {
        &self.table
    }

    pub(super) fn snapshot(&self) -> Result<&EagerSnapshot> {
        snapshot(&self.table)
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    pub fn version(&self) -> u64 {
        self.table.version().unwrap_or_default()
    }

    /// The columns in the table's order, as queries see them.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub fn layout(&self) -> Result<Layout> {
        let metadata = self.snapshot()?.metadata();
        Layout::of(
            metadata.configuration(),
            metadata.partition_columns().to_vec(),
        )
    }

    fn properties(&self) -> Result<&HashMap<String, String>> {
        Ok(self.snapshot()?.metadata().configuration())
    }

    /// How many rows the log says there are; `None` when a writer did not say.
    pub fn rows(&self) -> Result<Option<u64>> {
        let log = self.snapshot()?.log_data();
        let counts = log.iter().map(|file| {
            let removed = file.deletion_vector_descriptor();
            let removed = removed.map_or(Some(0), |v| usize::try_from(v.cardinality).ok());
            file.num_records()?.checked_sub(removed?)
        });
        let rows: Option<usize> = counts.sum();
        Ok(rows.and_then(|n| u64::try_from(n).ok()))
    }

    /// The table, to be read.
    pub fn open(&self) -> Result<FileTable> {
        match self.needs_reader()? {
            None => self.listed(self.files()?, false),
            Some(_) => {
                let reader = Arc::new(Reader::new(self)?);
                let empty = self.listed(self.files_of_any_kind()?, false)?;
                Ok(empty.read_by(reader))
            }
        }
    }

    /// The table with [`FILE_COLUMN`] and [`ROW_COLUMN`] after its own columns; of the files whose
    /// numbers `wanted` takes.
    pub fn open_for_change(&self, wanted: impl Fn(usize) -> bool) -> Result<FileTable> {
        self.check_changeable()?;
        let files = self.files()?.into_iter().enumerate();
        let files = files.filter(|(number, _)| wanted(*number));
        let numbered = files.map(|(number, mut file)| {
            let number = i64::try_from(number).map_err(Error::internal)?;
            file.partition_values.push(ScalarValue::Int64(Some(number)));
            if let Some(statistics) = file.statistics.take() {
                // One for each of the two columns, which have none.
                let mut statistics = Statistics::clone(&statistics);
                statistics
                    .column_statistics
                    .extend([Default::default(), Default::default()]);
                file.statistics = Some(Arc::new(statistics));
            }
            Ok(file)
        });
        self.listed(numbered.collect::<Result<_>>()?, true)
    }

    fn listed(&self, files: Vec<PartitionedFile>, for_change: bool) -> Result<FileTable> {
        let partitioned_by = self.layout()?.partitioned_by;
        let is_partition = |field: &Field| partitioned_by.contains(field.name());
        let stored = |field: &Field| StoredColumn::from(field);
        let fields = self.schema.fields();
        let columns = fields.iter().filter(|f| !is_partition(f));
        let columns: Vec<_> = columns.map(|f| stored(f)).collect();
        let mut partition_columns: Vec<_> = partitioned_by
            .iter()
            .filter_map(|name| self.schema.field_with_name(name).ok())
            .map(stored)
            .collect();
        if for_change {
            partition_columns.push(stored(&Field::new(FILE_COLUMN, DataType::Int64, false)));
        }
        let mut names = columns.iter().chain(&partition_columns).map(|c| &c.name);
        let at = |name: &String| names.clone().position(|n| n == name).unwrap_or_default();
        let mut order: Vec<usize> = fields.iter().map(|f| at(f.name())).collect();
        let mut virtual_columns = Vec::new();
        if for_change {
            order.extend([
                names.by_ref().count() - 1,
                columns.len() + partition_columns.len(),
            ]);
            let row = Field::new(ROW_COLUMN, DataType::Int64, false);
            virtual_columns.push(Arc::new(row.with_extension_type(RowNumber)));
        }
        let definition = Definition {
            locations: vec![],
            store_options: StoreOptions::default(),
            format: Format::Parquet,
            compression: None,
            csv: None,
            json: None,
            text: Default::default(),
            blocksize_bytes: 0,
            hive_partitioning: false,
            columns,
            partition_columns,
            declared: true,
        };
        FileTable::listed(Listed {
            definition,
            store_url: self.place.store_url.clone(),
            files,
            virtual_columns,
            order,
        })
    }

    /// The files with their partition values and statistics, in the order of the log.
    fn files(&self) -> Result<Vec<PartitionedFile>> {
        let snapshot = self.snapshot()?;
        let log = snapshot.log_data();
        let partitioned_by = self.layout()?.partitioned_by;
        let fields = self.schema.fields().iter().map(|f| f.as_ref());
        let stored: Vec<_> = fields
            .filter(|f| !partitioned_by.contains(f.name()))
            .collect();
        let files = log.iter().map(|file| {
            let meta = self.meta_of(&file)?;
            let values = file.partition_values_map();
            let values = partitioned_by.iter().map(|name| {
                let field = self.schema.field_with_name(name)?;
                partition_value(values.get(name).cloned().flatten(), field.data_type())
            });
            let mut partitioned = PartitionedFile::new_from_meta(meta);
            partitioned.partition_values = values.collect::<Result<_>>()?;
            partitioned.statistics = Some(Arc::new(bounds::read(
                file.stats().as_deref(),
                &stored,
                &partitioned.partition_values,
                file.size(),
            )));
            Ok(partitioned)
        });
        files.collect()
    }

    /// The files in the table's folder, relative to it, whatever version they are of.
    pub(super) async fn files_there(&self) -> Result<HashSet<String>> {
        let (place, root) = (&self.place, self.place.path.parts().count());
        let files = place.store.list(Some(&place.path));
        let relative = files.map_ok(|file| {
            let parts = file.location.parts().skip(root);
            Path::from_iter(parts).to_string()
        });
        relative.try_collect().await.map_err(store_error)
    }

    /// Fails when files of this version were removed since.
    pub(super) async fn check_files(&self) -> Result<()> {
        let there = self.files_there().await?;
        let paths: Vec<String> = {
            let log = self.snapshot()?.log_data();
            let paths = log.iter().map(|file| file.object_store_path().to_string());
            paths.collect()
        };
        let gone = paths.iter().filter(|path| !there.contains(*path)).count();
        if gone == 0 {
            return Ok(());
        }
        let message = format!("version {} cannot be read any more", self.version());
        Err(Error::new(Kind::UndefinedObject, message)
            .detail(format!(
                "VACUUM or another program removed {gone} of its {} files.",
                paths.len()
            ))
            .hint("Read a later version; VACUUM … RETAIN n HOURS keeps the files of n hours."))
    }

    /// The files, whatever else their readers must do, without what is known of them.
    fn files_of_any_kind(&self) -> Result<Vec<PartitionedFile>> {
        let log = self.snapshot()?.log_data();
        log.iter()
            .map(|file| Ok(PartitionedFile::new_from_meta(self.meta_of(&file)?)))
            .collect()
    }

    fn meta_of(&self, file: &LogicalFileView) -> Result<ObjectMeta> {
        Ok(ObjectMeta {
            location: self.path_of(&file.object_store_path())?,
            last_modified: file.modification_datetime().map_err(convert::error)?,
            size: u64::try_from(file.size()).unwrap_or_default(),
            e_tag: None,
            version: None,
        })
    }

    fn path_of(&self, relative: &Path) -> Result<Path> {
        if relative.as_ref().contains("://") {
            return Err(Error::unsupported(
                "a Delta table with files outside its folder",
            ));
        }
        Ok(Path::from_iter(
            self.place.path.parts().chain(relative.parts()),
        ))
    }

    /// The log's entries for files that a change replaces, by their numbers.
    pub(super) fn removals(&self, numbers: &[usize], data_change: bool) -> Result<Vec<Remove>> {
        let log = self.snapshot()?.log_data();
        let files = log.iter().enumerate();
        Ok(files
            .filter(|(number, _)| numbers.binary_search(number).is_ok())
            .map(|(_, file)| file.remove_action(data_change))
            .collect())
    }

    /// This table's definition with other columns and another layout.
    pub fn metadata_with(&self, schema: &SchemaRef, layout: &Layout) -> Result<Metadata> {
        let mut metadata = self.snapshot()?.metadata().clone();
        metadata = metadata
            .with_schema(&delta_schema(schema)?)
            .map_err(convert::kernel)?;
        for property in Layout::PROPERTIES {
            metadata = metadata
                .remove_config_key(property)
                .map_err(convert::kernel)?;
        }
        for (key, value) in layout.properties() {
            metadata = metadata
                .add_config_key(key, value)
                .map_err(convert::kernel)?;
        }
        Ok(metadata)
    }

    /// Bytes of the files of these numbers, which are in order.
    pub fn bytes(&self, numbers: &[usize]) -> Result<u64> {
        let log = self.snapshot()?.log_data();
        let sizes = log
            .iter()
            .map(|file| u64::try_from(file.size()).unwrap_or_default());
        let wanted = sizes
            .enumerate()
            .filter(|(n, _)| numbers.binary_search(n).is_ok());
        Ok(wanted.map(|(_, size)| size).sum())
    }

    /// Numbers of files smaller than so many bytes.
    pub fn small_files(&self, bytes: u64) -> Result<Vec<usize>> {
        let log = self.snapshot()?.log_data();
        let sizes = log
            .iter()
            .map(|file| u64::try_from(file.size()).unwrap_or_default());
        let small = sizes.enumerate().filter(|(_, size)| *size < bytes);
        Ok(small.map(|(number, _)| number).collect())
    }

    /// The range of the first clustering key's values in each file, in order; `None` when the ranges
    /// overlap or are not known.
    pub fn divisions(&self) -> Result<Option<Vec<(ScalarValue, ScalarValue)>>> {
        let layout = self.layout()?;
        let Some(key) = layout.clustered_by.first() else {
            return Ok(None);
        };
        let stored = self.schema.fields().iter();
        let place = stored
            .filter(|f| !layout.partitioned_by.contains(f.name()))
            .position(|f| f.name() == key);
        let ranges = self.files()?.into_iter().map(|file| {
            let statistics = file.statistics?;
            let column = statistics.column_statistics.get(place?)?;
            let min = column.min_value.get_value()?.clone();
            Some((min, column.max_value.get_value()?.clone()))
        });
        let Some(mut ranges) = ranges.collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        ranges.sort_by(|a, b| a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal));
        let apart = ranges.windows(2).all(|pair| pair[0].1 < pair[1].0);
        Ok((apart || ranges.len() < 2).then_some(ranges))
    }

    /// Of files that lose so many rows, in order, those that keep some.
    pub fn files_with_rest(&self, touched: &[(usize, u64)]) -> Result<Vec<usize>> {
        let log = self.snapshot()?.log_data();
        let rows: Vec<_> = log.iter().map(|file| file.num_records()).collect();
        let rest = touched.iter().filter(|(number, removed)| {
            let rows = rows.get(*number).copied().flatten();
            rows.and_then(|rows| u64::try_from(rows).ok()) != Some(*removed)
        });
        Ok(rest.map(|(number, _)| *number).collect())
    }

    pub fn file_count(&self) -> Result<usize> {
        Ok(self.snapshot()?.log_data().num_files())
    }
}

fn snapshot(table: &DeltaTable) -> Result<&EagerSnapshot> {
    Ok(table.snapshot().map_err(convert::error)?.snapshot())
}

fn partition_value(text: Option<String>, data_type: &DataType) -> Result<ScalarValue> {
    match text {
        None => Ok(ScalarValue::try_from(data_type)?),
        Some(text) => ScalarValue::try_from_string(text.clone(), data_type).map_err(|_| {
            Error::new(
                Kind::BadData,
                format!(
                    "the table's log has the partition value '{text}', which is no {data_type}"
                ),
            )
        }),
    }
}

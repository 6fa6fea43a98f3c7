//! The checked definition of an external table, as the catalog keeps it.
//!
//! It says everything that a later open needs, so that nothing is guessed twice; which files there
//! are is looked up at each open, so that files which came or went are seen.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::SessionState;
use serde::{Deserialize, Serialize};

use super::dialect::{self, Csv, JsonLayout};
use super::format::{Compression, Format};
use super::reach::Reach;
use super::store::StoreOptions;
use super::table::FileTable;
use super::text::Text;
use crate::error::Result;
use crate::options::OptionValue;
use crate::sql::without_secrets;

#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Absolute files, folders or globs.
    pub locations: Vec<String>,
    /// How their store is reached, as the user said; secrets are among them.
    #[serde(default, skip_serializing_if = "StoreOptions::is_empty")]
    pub store_options: StoreOptions,
    pub format: Format,
    /// None: each file's name says it.
    pub compression: Option<Compression>,
    pub csv: Option<Csv>,
    pub json: Option<JsonLayout>,
    #[serde(default)]
    pub text: Text,
    /// Nominal size of the chunks of text files; 0: a file is one chunk.
    pub blocksize_bytes: u64,
    /// Folders such as `year=2024/` could make columns.
    #[serde(default = "yes")]
    pub hive_partitioning: bool,
    /// What the files hold.
    pub columns: Vec<StoredColumn>,
    /// What the folders' names say; they stand after the files' columns.
    pub partition_columns: Vec<StoredColumn>,
    /// The user named the columns, so that others in the files are left out.
    pub declared: bool,
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Definition")
            .field("locations", &self.shown_locations())
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

fn yes() -> bool {
    true
}

/// A column in words, as the catalog shows it to a person who looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredColumn {
    pub name: String,
    #[serde(rename = "type", with = "type_as_text")]
    pub data_type: DataType,
    pub nullable: bool,
}

/// Arrow's own text for a type, which it also reads.
mod type_as_text {
    use arrow::datatypes::DataType;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(data_type: &DataType, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&data_type.to_string())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DataType, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(D::Error::custom)
    }
}

impl From<&Field> for StoredColumn {
    fn from(field: &Field) -> Self {
        Self {
            name: field.name().clone(),
            data_type: field.data_type().clone(),
            nullable: field.is_nullable(),
        }
    }
}

impl StoredColumn {
    pub fn field(&self) -> FieldRef {
        Arc::new(Field::new(
            &self.name,
            self.data_type.clone(),
            self.nullable,
        ))
    }
}

impl Definition {
    /// A table whose log knows the rest.
    pub fn of_log(location: String, store_options: StoreOptions) -> Self {
        Self {
            locations: vec![location],
            store_options,
            format: Format::Delta,
            compression: None,
            csv: None,
            json: None,
            text: Text::default(),
            blocksize_bytes: 0,
            hive_partitioning: true,
            columns: vec![],
            partition_columns: vec![],
            declared: false,
        }
    }

    /// The columns of the files, then those of the folders.
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(self.table_schema().table_schema())
    }

    pub fn file_schema(&self) -> SchemaRef {
        Arc::new(Schema::new(
            self.columns
                .iter()
                .map(StoredColumn::field)
                .collect::<Vec<_>>(),
        ))
    }

    pub fn partition_fields(&self) -> Vec<FieldRef> {
        self.partition_columns
            .iter()
            .map(StoredColumn::field)
            .collect()
    }

    pub fn table_schema(&self) -> TableSchema {
        TableSchema::builder(self.file_schema())
            .with_table_partition_cols(self.partition_fields())
            .build()
    }

    /// The nominal size of chunks: as chosen for text, the default for the others.
    pub(super) fn blocksize(&self) -> u64 {
        match self.format.is_text() {
            true => self.blocksize_bytes,
            false => dialect::DEFAULT_BLOCKSIZE_BYTES,
        }
    }

    /// The locations without secrets.
    pub fn shown_locations(&self) -> Vec<String> {
        self.locations
            .iter()
            .map(|text| without_secrets(text))
            .collect()
    }

    /// The options of `CREATE TABLE … WITH (…)` that make the same table, once `***` is replaced by
    /// the secrets.
    pub fn to_sql_options(&self) -> Vec<(String, OptionValue)> {
        let mut shown = self.shown_locations().into_iter().map(OptionValue::Text);
        let location = match (shown.next(), shown.next()) {
            (Some(one), None) => one,
            (first, second) => {
                OptionValue::Array(first.into_iter().chain(second).chain(shown).collect())
            }
        };
        let mut options = vec![
            ("location".to_string(), location),
            (
                "format".to_string(),
                OptionValue::Text(self.format.name().to_string()),
            ),
        ];
        if let Some(compression) = self.compression {
            let name = compression.name().to_string();
            options.push(("compression".to_string(), OptionValue::Text(name)));
        }
        options.extend(self.store_options.to_sql_options());
        options.extend(self.csv.iter().flat_map(dialect::csv_options));
        options.extend(self.text.shown());
        if !self.hive_partitioning {
            let off = OptionValue::Boolean(false);
            options.push(("hive_partitioning".to_string(), off));
        }
        options.extend(dialect::blocksize_option(self.format, self.blocksize_bytes));
        options
    }

    /// Lists the files as they are now; reads none of them.
    pub async fn open(&self, state: &SessionState) -> Result<Arc<FileTable>> {
        self.open_within(state, &Reach::Everything).await
    }

    /// The same, when its owner may not name every file.
    pub async fn open_within(&self, state: &SessionState, reach: &Reach) -> Result<Arc<FileTable>> {
        Ok(Arc::new(FileTable::open(self.clone(), state, reach).await?))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::datatypes::TimeUnit;

    fn definition() -> Definition {
        let column = |name: &str, data_type| StoredColumn {
            name: name.to_string(),
            data_type,
            nullable: true,
        };
        let point = DataType::Struct(vec![Field::new("x", DataType::Float64, true)].into());
        Definition {
            locations: vec!["/data/*.csv".into()],
            store_options: StoreOptions::default(),
            format: Format::Csv,
            compression: Some(Compression::Gzip),
            csv: Some(Csv {
                delimiter: b'|',
                ..Csv::default()
            }),
            json: None,
            text: Text::default(),
            blocksize_bytes: 1024,
            hive_partitioning: false,
            columns: vec![
                column(
                    "a \"b\"",
                    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
                ),
                column("p", point),
                column("l", DataType::new_list(DataType::Utf8View, true)),
                column("d", DataType::Decimal128(38, 0)),
            ],
            partition_columns: vec![column("year", DataType::Int64)],
            declared: false,
        }
    }

    #[test]
    fn definitions_survive_the_catalog() {
        let text = serde_json::to_string(&definition()).unwrap();
        assert_eq!(
            serde_json::from_str::<Definition>(&text).unwrap(),
            definition()
        );
    }

    #[test]
    fn show_create_table_names_what_differs() {
        let options: Vec<_> = definition()
            .to_sql_options()
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        assert_eq!(
            options,
            [
                "location = '/data/*.csv'",
                "format = 'csv'",
                "compression = 'gzip'",
                "delimiter = '|'",
                "hive_partitioning = FALSE",
                "blocksize = 1024"
            ]
        );
    }
}

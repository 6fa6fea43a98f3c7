//! The command line: its flags, their help, and nothing about what they do.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::postgres::Authentication;
use crate::postgres::client::{self, TlsMode};
use crate::role::demo::Scale;
use crate::shell::Format;

/// A SQL query engine over chunked data: files larger than memory, with bounded memory.
#[derive(Debug, Parser)]
#[command(
    name = "quern",
    bin_name = "quern",
    version,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Sql(SqlArgs),
    Serve(ServeArgs),
    Executor(ExecutorArgs),
    Demo(DemoArgs),
}

/// Run SQL: interactively, or from the command line, files or standard input.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 a statement failed, 2 wrong usage, 3 cannot start, \
                        130 interrupted."
)]
pub struct SqlArgs {
    /// Statements to run, like -c
    #[arg(value_name = "SQL", conflicts_with_all = ["commands", "files"])]
    sql: Option<String>,
    /// Statements to run, separated by `;`; repeat it and mix it with -f, in the order of running
    #[arg(short = 'c', long = "command", value_name = "SQL")]
    commands: Vec<String>,
    /// A file of statements to run; `-` is standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How rows are written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
    /// Write rows to this file, which is there only when everything succeeded
    #[arg(short = 'o', long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Show no progress bar
    #[arg(long)]
    pub no_progress: bool,
    /// Run queries on so many processes of this machine
    #[arg(long, value_name = "N", conflicts_with = "host")]
    pub local_executors: Option<usize>,
    #[command(flatten)]
    pub remote: RemoteArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
    /// What to run, in order; empty for standard input.
    #[arg(skip)]
    pub inputs: Vec<Input>,
}

/// Flags that have statements run on a server. What configures an engine here does not go with them.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub struct RemoteArgs {
    /// Run statements on the `quern serve` of this host, not in this process
    #[arg(
        long,
        value_name = "HOST",
        conflicts_with_all = ["config", "data_dir", "memory_limit", "threads", "settings"]
    )]
    pub host: Option<String>,
    /// Port of the server
    #[arg(
        short,
        long,
        value_name = "PORT",
        default_value_t = 5433,
        requires = "host"
    )]
    port: u16,
    /// User; the password is $QUERN_PASSWORD, $PGPASSWORD, a line of ~/.pgpass, or asked for
    #[arg(
        short = 'U',
        long,
        value_name = "NAME",
        default_value = "quern",
        requires = "host"
    )]
    user: String,
    /// Database; there is one
    #[arg(
        short,
        long,
        value_name = "NAME",
        default_value = "quern",
        requires = "host"
    )]
    dbname: String,
    /// Encryption [default: prefer, or verify-full with --tls-ca]
    #[arg(long, value_enum, requires = "host", requires_ifs = [
        ("verify-ca", "tls_ca"),
        ("verify-full", "tls_ca"),
    ])]
    tls_mode: Option<TlsMode>,
    /// Certificates that the server's must come from, PEM
    #[arg(long, value_name = "FILE", requires = "host")]
    tls_ca: Option<PathBuf>,
}

impl RemoteArgs {
    /// How to connect; `None` when statements run in this process.
    pub fn config(&self, application: &str) -> Option<client::Config> {
        Some(client::Config {
            host: self.host.clone()?,
            port: self.port,
            user: self.user.clone(),
            database: self.dbname.clone(),
            password: None,
            tls: self.tls_mode.unwrap_or(match self.tls_ca {
                Some(_) => TlsMode::VerifyFull,
                None => TlsMode::Prefer,
            }),
            tls_ca: self.tls_ca.clone(),
            application: application.to_string(),
        })
    }
}

/// Serve the PostgreSQL protocol: psql and every PostgreSQL client can connect
#[derive(Debug, Args)]
#[command(
    after_help = "The administrator is quern; the first password is $QUERN_ADMIN_PASSWORD, or is made up \
                        and shown once.\n\
                        Exit codes: 0 ended by a signal, 2 wrong usage, 3 cannot start."
)]
pub struct ServeArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub listen: IpAddr,
    /// Port of the PostgreSQL protocol; 0 takes any that is free
    #[arg(long, value_name = "PORT", default_value_t = 5433)]
    pub postgres_port: u16,
    /// How clients prove who they are; trust is for loopback addresses only
    #[arg(long, value_enum, default_value_t = Authentication::Scram)]
    pub auth: Authentication,
    /// Certificate chain of the server, PEM; connections can then be encrypted
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Private key of the certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Serve to a network without passwords or without encryption
    #[arg(long)]
    pub insecure: bool,
    #[command(flatten)]
    pub cluster: ClusterArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// Flags of a server whose queries run on other processes as well.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub struct ClusterArgs {
    /// Let executors join, and run large queries on them
    #[arg(long)]
    pub cluster: bool,
    /// Address on which executors join; one that others reach needs --insecure
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1",
        requires = "cluster"
    )]
    pub cluster_listen: IpAddr,
    /// Port on which executors join; 0 takes any that is free
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 5434,
        requires = "cluster"
    )]
    pub cluster_port: u16,
    /// Host by which executors reach this server [default: the address on which they join]
    #[arg(long, value_name = "HOST", requires = "cluster")]
    pub cluster_advertise: Option<String>,
    /// Start so many executors on this machine, and start them again when they end
    #[arg(long, value_name = "N", requires = "cluster")]
    pub local_executors: Option<usize>,
}

/// Run parts of the queries of a `quern serve --cluster`
#[derive(Debug, Args)]
#[command(
    after_help = "Tasks that run when SIGTERM comes are finished elsewhere or here.\n\
                        Exit codes: 0 ended by a signal, 2 wrong usage, 3 cannot start or lost its coordinator."
)]
pub struct ExecutorArgs {
    /// Host and port of the server's cluster
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    pub coordinator: (String, u16),
    /// Partitions that run side by side [default: the number of cores]
    #[arg(long, value_name = "N")]
    pub cores: Option<usize>,
    /// Memory of all tasks; beyond it they spill to disk [default: 60 % of the machine's]
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<String>,
    /// Folder for results of tasks and for what they spill [default: the temporary folder]
    #[arg(long, value_name = "DIR")]
    pub work_dir: Option<PathBuf>,
    /// Address to listen on; one that others reach needs --insecure
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub listen: IpAddr,
    /// Host by which others reach it [default: the address from which it joins]
    #[arg(long, value_name = "HOST")]
    pub advertise: Option<String>,
    /// Let everybody who reaches the address run tasks
    #[arg(long)]
    pub insecure: bool,
    /// Configuration file; $QUERN_CONFIG when not given
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Any setting by its name; repeat it for several
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub settings: Vec<(String, String)>,
    #[arg(long, hide = true)]
    pub id: Option<String>,
    #[arg(long, hide = true)]
    pub ends_with_input: bool,
    /// Begin when the coordinator is there again
    #[arg(long, hide = true)]
    pub rejoin: bool,
}

/// Make some hundred megabytes of sample data and show what Quern does with it
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 done, 1 something failed, 2 wrong usage, 3 cannot start, \
                        130 interrupted."
)]
pub struct DemoArgs {
    /// Folder for the data, used again when it is complete [default: quern-demo in the temporary folder]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// How much data
    #[arg(long, value_enum, default_value_t = Scale::Normal)]
    pub scale: Scale,
    /// Keep the data for another run; this is the default
    #[arg(long, conflicts_with = "remove")]
    keep: bool,
    /// Remove the data at the end
    #[arg(long)]
    pub remove: bool,
    /// Threads, and partitions of a query that run side by side
    #[arg(long, value_name = "N")]
    pub threads: Option<String>,
    /// Any setting by its name; repeat it for several
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub settings: Vec<(String, String)>,
}

/// Flags of everything that opens an engine. They win over the configuration file.
#[derive(Debug, Default, Args)]
pub struct EngineArgs {
    /// Configuration file; $QUERN_CONFIG when not given
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder of the catalog; without one, tables and views end with the process
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Memory that queries share before they spill to disk, such as 2GiB
    #[arg(long, value_name = "SIZE")]
    pub memory_limit: Option<String>,
    /// Threads, and partitions of a query that run side by side
    #[arg(long, value_name = "N")]
    pub threads: Option<String>,
    /// Any setting by its name; repeat it for several
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub settings: Vec<(String, String)>,
}

/// A source of statements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    Text(String),
    File(PathBuf),
}

/// The arguments of the process; ends it with a message when they are wrong.
pub fn parse() -> Cli {
    let matches = Cli::command().get_matches();
    let mut cli = Cli::from_arg_matches(&matches).unwrap_or_else(|e| e.exit());
    if let (Command::Sql(args), Some(("sql", matches))) = (&mut cli.command, matches.subcommand()) {
        args.inputs = in_order(args, matches);
    }
    cli
}

/// `-c` and `-f` in the order in which they were given.
fn in_order(args: &SqlArgs, matches: &ArgMatches) -> Vec<Input> {
    let places = |name| matches.indices_of(name).into_iter().flatten();
    let commands = args.commands.iter().cloned().map(Input::Text);
    let files = args.files.iter().cloned().map(Input::File);
    let mut inputs: Vec<(usize, Input)> = places("commands")
        .zip(commands)
        .chain(places("files").zip(files))
        .collect();
    inputs.sort_by_key(|(place, _)| *place);
    let sql = args.sql.iter().cloned().map(Input::Text);
    sql.chain(inputs.into_iter().map(|(_, input)| input))
        .collect()
}

fn host_and_port(text: &str) -> Result<(String, u16), String> {
    let (host, port) = text.rsplit_once(':').ok_or("write it as HOST:PORT")?;
    let port = port.parse().map_err(|_| format!("{port} is no port"))?;
    Ok((host.trim_matches(['[', ']']).to_string(), port))
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_string(), value.to_string()))
        }
        _ => Err("write it as NAME=VALUE".to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    #[test]
    fn the_definition_of_the_flags_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn commands_and_files_keep_their_order() {
        let line = ["quern", "sql", "-c", "A", "-f", "b.sql", "-c", "C"];
        let matches = Cli::command().try_get_matches_from(line).unwrap();
        let Command::Sql(args) = Cli::from_arg_matches(&matches).unwrap().command else {
            panic!("not the shell");
        };
        let (_, matches) = matches.subcommand().unwrap();
        assert_eq!(
            in_order(&args, matches),
            [
                Input::Text("A".into()),
                Input::File("b.sql".into()),
                Input::Text("C".into())
            ]
        );
    }
}

//! `tiffin admin`: the first account that may do everything.

use std::{io::BufRead, time::Duration};

use anyhow::Context;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use clap::Args;
use rand::RngCore;

use super::{patiently, structure};
use tiffin::{
    app::App, config::Config, credentials::password, database, domain::error::Error,
    features::account::service::admin_make,
};

#[derive(Debug, Args)]
pub struct AdminOptions {
    /// What the admin signs in with. Somebody who has an account with it becomes an admin.
    #[arg(long, value_name = "ADDRESS")]
    email: String,

    /// The admin's name.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Read the password from the first line of standard input; otherwise one is made and printed.
    #[arg(long)]
    password_stdin: bool,
}

/// Makes the admin, or makes somebody one.
pub async fn run(options: AdminOptions, config: Config, patience: Duration) -> anyhow::Result<()> {
    let db = patiently(patience, async || database::connect_for_maintenance(&config.database).await).await?;
    structure::require_current(&db).await?;
    let app = App::with_database(config, db).await?;
    let given = if options.password_stdin { Some(first_line()?) } else { None };
    let text = given.clone().unwrap_or_else(random_password);
    let made = async {
        let hash = password::hashed(password::decode("password", &text)?).await?;
        admin_make(&app, &options.email, options.name.as_deref(), hash).await
    };
    let made = made.await;
    app.close().await;
    let admin = made.map_err(|Error { message, .. }| anyhow::anyhow!(message))?;
    match given {
        Some(_) => println!("{} is an admin.", admin.email),
        None => println!("{} is an admin, with the password {text}", admin.email),
    }
    Ok(())
}

fn first_line() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

fn random_password() -> String {
    let mut bytes = [0; 15];
    rand::rng().fill_bytes(&mut bytes);
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

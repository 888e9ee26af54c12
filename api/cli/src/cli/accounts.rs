//! `tiffin accounts`: what only whoever runs the server decides about accounts.

use std::{fmt::Write, time::Duration};

use clap::Subcommand;

use super::{patiently, print, structure};
use tiffin::{
    config::Config,
    database::{self, Pool},
    domain::{
        error::{Error, Result},
        ids::{GlobalId, UserId},
    },
    features::account::service::{Collision, SharingAccount, address_keep, address_set, collisions},
    graphql::row::Row,
};

#[derive(Debug, Subcommand)]
pub enum Accounts {
    /// List the accounts that share an e-mail address, who has it first. Changes nothing.
    Collisions,
    /// Give the address to one of the accounts that share it.
    Keep {
        /// The account, such as User:7.
        user: String,
    },
    /// Give an account another e-mail address, which it has yet to verify.
    SetEmail {
        /// The account, such as User:7.
        user: String,
        /// The address.
        email: String,
    },
}

/// Looks, or decides.
pub async fn run(action: Accounts, config: Config, patience: Duration) -> anyhow::Result<()> {
    let db = patiently(patience, async || database::connect_for_maintenance(&config.database).await).await?;
    structure::require_current(&db).await?;
    database::set_clock(&db).await?;
    let said = act(action, &db).await;
    db.close().await?;
    print(&said.map_err(|Error { message, .. }| anyhow::anyhow!(message))?)
}

async fn act(action: Accounts, db: &Pool) -> Result<String> {
    Ok(match action {
        Accounts::Collisions => listed(&collisions(db).await?),
        Accounts::Keep { user } => {
            let user = address_keep(db, UserId::parse(&user.into(), "user")?).await?;
            format!("{} has {} to itself.\n", user.id().to_global().0, user.email)
        }
        Accounts::SetEmail { user, email } => {
            let user = address_set(db, UserId::parse(&user.into(), "user")?, &email).await?;
            format!("{} has the address {}.\n", user.id().to_global().0, user.email)
        }
    })
}

fn listed(collisions: &[Collision]) -> String {
    if collisions.is_empty() {
        return "No two accounts share an e-mail address.\n".to_owned();
    }
    let mut text = String::new();
    for collision in collisions {
        for account in &collision.accounts {
            write_account(&mut text, account);
        }
        text.push('\n');
    }
    text.push_str(
        "The first of each has the address, if it is not in \"quotes\"; the others sign in with exactly what is in quotes.\n\
         `tiffin accounts keep User:…` gives the address to another one, `tiffin accounts set-email User:… <address>` gives an account\n\
         one of its own, and what is deactivated (setUserActive) is not listed any more.\n",
    );
    text
}

fn write_account(text: &mut String, SharingAccount { user, last_used_at }: &SharingAccount) {
    let address = match migration::email::is_exact(&user.normalized_email) {
        true => format!("{:?}", user.email),
        false => user.email.clone(),
    };
    let verified = if user.email_verified_at.is_some() { "verified" } else { "not verified" };
    let used = last_used_at.map_or_else(|| "no session".to_owned(), |at| format!("last used {}", at.date_naive()));
    let role = format!("{:?}", user.role).to_uppercase();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{:12}  {address}  {role}, {verified}, made {}, {used}",
        user.id().to_global().0,
        user.created_at.date_naive(),
    );
}

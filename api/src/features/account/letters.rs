//! Letters to the users of accounts: each is a job, enqueued in the transaction of what it tells of. Its token is made when it runs, so the
//! queue holds neither secrets nor texts.

use std::sync::Arc;

use entity::{account_tokens, users};
use migration::email::Email;
use sea_orm::{ConnectionTrait, EntityTrait, FromQueryResult, QueryTrait};
use serde::{Deserialize, Serialize};

use super::{
    email_change::is_taken,
    proof::{self, Purpose},
    service::user_lock_by_email_in_tx,
};
use crate::{
    app::App,
    database::{self, Transaction, dialect},
    domain::{error::Result, ids::UserId},
    graphql::row::Row,
    jobs::{Claimed, Failure, Job, NewJob, OnDuplicate, Outcome, take_back_in_tx},
    mail::{Letter, Occasion},
};

/// A letter to a user, to be written and sent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountLetter {
    /// A link to the user's present address, with a token that is made for it.
    VerifyEmail,
    ResetPassword,
    Invitation,
    /// A link to the address that is asked for, or the news that it is taken.
    ChangeEmail,
    /// A notice to the address that the user had when it was written.
    Notice {
        to: String,
        notice: Notice,
    },
}

/// What a user is told without being asked for anything.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    EmailChangeRequested,
    EmailChanged,
    PasswordChanged,
    SignInAdded { provider: String },
}

impl Job for AccountLetter {
    const KIND: &'static str = "account_letter";
}

/// Somebody asks for a letter to this address. Whether any account has it is looked up when the job runs, so that neither the answer nor its time
/// tells it.
#[derive(Serialize, Deserialize)]
pub struct LetterAskedFor {
    email: String,
    purpose: AskedPurpose,
}

/// What anybody may ask for.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedPurpose {
    VerifyEmail,
    ResetPassword,
}

impl Job for LetterAskedFor {
    const KIND: &'static str = "letter_asked_for";
}

/// Enqueues a letter with a link. Of each purpose a user is sent the newest: one that was not sent yet is this one from now on.
pub async fn link_post_in_tx(app: &App, transaction: &Transaction, user: UserId, purpose: Purpose) -> Result<()> {
    let letter = match purpose {
        Purpose::VerifyEmail => AccountLetter::VerifyEmail,
        Purpose::ResetPassword => AccountLetter::ResetPassword,
        Purpose::Invitation => AccountLetter::Invitation,
        Purpose::ChangeEmail => AccountLetter::ChangeEmail,
    };
    let job = NewJob::new(&letter)?.of_user(user).once(link_key(user, purpose), OnDuplicate::Replace);
    app.jobs.enqueue_in_tx(transaction, job).await
}

/// Enqueues a notice to this address of the user's.
pub async fn notice_post_in_tx(
    app: &App,
    transaction: &Transaction,
    user: UserId,
    to: &str,
    notice: Notice,
) -> Result<()> {
    let job = NewJob::new(&AccountLetter::Notice { to: to.to_owned(), notice })?.of_user(user);
    app.jobs.enqueue_in_tx(transaction, job).await
}

/// Takes back the links of these purposes that the user has not been sent yet.
pub async fn links_take_back_in_tx(transaction: &Transaction, user: UserId, purposes: &[Purpose]) -> Result<()> {
    take_back_in_tx::<AccountLetter>(transaction, purposes.iter().map(|purpose| link_key(user, *purpose))).await
}

fn link_key(user: UserId, purpose: Purpose) -> String {
    format!("{}:{purpose:?}", user.0)
}

/// Enqueues a letter to this address, if an account has it.
pub async fn letter_ask_for(app: &App, email: &Email, purpose: AskedPurpose) -> Result<()> {
    let job = NewJob::new(&LetterAskedFor { email: email.written().to_owned(), purpose })?;
    app.jobs.enqueue(&app.db, job).await
}

/// Enqueues the letter that was asked for, if there is an account to write to.
pub async fn letter_asked_for(app: Arc<App>, claimed: Claimed<LetterAskedFor>) -> Result<Outcome, Failure> {
    let Ok(email) = Email::parse(&claimed.job.email) else { return Err(Failure::last("this is no address")) };
    let transaction = database::begin(&app.db).await?;
    let user = user_lock_by_email_in_tx(&transaction, &email).await?.filter(|user| user.is_active);
    let Some(user) = user else { return Ok(Outcome::Done) };
    let purpose = match claimed.job.purpose {
        AskedPurpose::VerifyEmail if user.email_verified_at.is_some() => return Ok(Outcome::Done),
        AskedPurpose::VerifyEmail => Purpose::VerifyEmail,
        AskedPurpose::ResetPassword => Purpose::ResetPassword,
    };
    link_post_in_tx(&app, &transaction, UserId(user.id), purpose).await?;
    transaction.commit().await?;
    Ok(Outcome::Done)
}

/// Writes a letter and hands it to the mail server. A server that is away is tried again; one that refuses it for good makes it a dead letter.
pub async fn letter_send(app: Arc<App>, claimed: Claimed<AccountLetter>) -> Result<Outcome, Failure> {
    let Some(written) = write(&app, &claimed).await? else { return Ok(Outcome::Done) };
    let Err(undelivered) = app.mail.send(&written.letter).await else { return Ok(Outcome::Done) };
    if let Some(token_hash) = written.token_hash {
        // Nobody has it, and the next attempt makes another.
        account_tokens::Entity::delete_by_id(token_hash).exec(&app.db).await?;
    }
    Err(match undelivered.is_final {
        true => Failure::last(undelivered.reason),
        false => Failure::passing(undelivered.reason),
    })
}

/// A letter that can be sent.
struct WrittenLetter {
    letter: Letter,
    /// The hash of the token that was made for it alone.
    token_hash: Option<String>,
}

/// Writes the letter; none where there is nothing to write any more.
async fn write(app: &App, claimed: &Claimed<AccountLetter>) -> Result<Option<WrittenLetter>, Failure> {
    let purpose = match &claimed.job {
        AccountLetter::Notice { to, notice } => {
            let occasion = match notice.clone() {
                Notice::EmailChangeRequested => Occasion::EmailChangeRequested,
                Notice::EmailChanged => Occasion::EmailChanged,
                Notice::PasswordChanged => Occasion::PasswordChanged,
                Notice::SignInAdded { provider } => Occasion::SignInAdded { provider },
            };
            return Ok(Some(WrittenLetter { letter: Letter::to_address(to, occasion), token_hash: None }));
        }
        AccountLetter::VerifyEmail => Purpose::VerifyEmail,
        AccountLetter::ResetPassword => Purpose::ResetPassword,
        AccountLetter::Invitation => Purpose::Invitation,
        AccountLetter::ChangeEmail => Purpose::ChangeEmail,
    };
    let Some(user) = claimed.user else { return Err(Failure::last("it names no user")) };
    let transaction = database::begin(&app.db).await?;
    let Some(user) = user_lock_in_tx(&transaction, user).await?.filter(|user| user.is_active) else { return Ok(None) };
    // Whoever takes back what was not sent yet has locked the user's row before.
    if !claimed.is_held_in_tx(&transaction).await? {
        return Ok(None);
    }
    let written = match purpose {
        Purpose::VerifyEmail if user.email_verified_at.is_some() => None,
        Purpose::ChangeEmail => {
            proof::change_letter_in_tx(&transaction, &user).await?.map(|(letter, email)| (letter, None, Some(email)))
        }
        Purpose::VerifyEmail | Purpose::ResetPassword | Purpose::Invitation => {
            let (letter, token_hash) = proof::letter_in_tx(app, &transaction, &user, purpose).await?;
            Some((letter, Some(token_hash), None))
        }
    };
    let Some((mut letter, token_hash, new_email)) = written else { return Ok(None) };
    // What only the reader of the new address may learn.
    if let Some(email) = new_email
        && is_taken(&transaction, UserId(user.id), &email).await?
    {
        letter = Letter::to_address(email.written(), Occasion::EmailTaken);
    }
    transaction.commit().await?;
    Ok(Some(WrittenLetter { letter, token_hash }))
}

async fn user_lock_in_tx(transaction: &Transaction, user: UserId) -> Result<Option<users::Model>> {
    let backend = transaction.get_database_backend();
    let mut select = users::Entity::find_by_id(user.0).into_query();
    dialect::lock_rows(backend, &mut select, users::Model::table());
    Ok(users::Model::find_by_statement(backend.build(&select)).one(transaction).await?)
}

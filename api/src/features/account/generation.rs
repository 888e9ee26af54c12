//! Refresh-token rotation with reuse detection: a generation is an access token and a refresh token that are issued together.
//!
//! A generation is *unused* until its access token passes a check or its refresh token is presented; from then on it is *confirmed*. While
//! the newest generation is unused, the answer that carried it may have been lost, and the client may present the refresh token before it
//! again: then a further generation takes its place, and the lost one is *replaced*. Decision 0017 has the table of states, and the races.

use entity::refresh_tokens;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, sea_query::Expr,
};

use super::secret;
use crate::{
    database::Transaction,
    domain::{clock, error::Result, ids::SessionId},
};

/// Tokens on their way to a client.
pub struct Generation {
    pub session: SessionId,
    /// From 1 on in each session.
    pub number: i32,
    pub refresh_token: String,
}

/// What the server does with a refresh token that a client presents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshOutcome {
    /// Issue the generation of this number.
    Next(i32),
    /// Refuse it: unknown, or replaced before anybody used it. It opens nothing, and the session goes on.
    Ignore,
    /// Reuse detected: the tokens that were issued for it have been used, so two parties have it.
    EndSession,
}

/// The first tokens of a session that has just been opened. They replace no others, so their first use need not be recorded: they begin
/// confirmed.
pub async fn generation_first_in_tx(transaction: &Transaction, session: SessionId) -> Result<Generation> {
    issue_in_tx(transaction, NewGeneration { session, number: 1, issued_for: None, is_confirmed: true }).await
}

/// The tokens that are issued in exchange for a refresh token.
pub async fn generation_next_in_tx(
    transaction: &Transaction,
    session: SessionId,
    number: i32,
    issued_for: String,
) -> Result<Generation> {
    issue_in_tx(transaction, NewGeneration { session, number, issued_for: Some(issued_for), is_confirmed: false }).await
}

/// Presents a refresh token of the session. The caller has locked the session's row, so that refreshes of one session follow one another.
pub async fn refresh_token_present_in_tx(
    transaction: &Transaction,
    session: SessionId,
    token_hash: &str,
) -> Result<RefreshOutcome> {
    let newest = newest(transaction, session).await?;
    let number = newest.as_ref().and_then(|newest| newest.generation).unwrap_or(0) + 1;
    let Some(token) = refresh_tokens::Entity::find_by_id(token_hash).one(transaction).await? else {
        return Ok(RefreshOutcome::Ignore);
    };
    if token.replaced_at.is_some() {
        return Ok(RefreshOutcome::Ignore);
    }
    if token.used_at.is_none() {
        let confirmed_at = token.confirmed_at.unwrap_or_else(|| clock::now().into());
        let mut row = token.into_active_model();
        row.used_at = Set(Some(clock::now().into()));
        row.confirmed_at = Set(Some(confirmed_at));
        row.update(transaction).await?;
        return Ok(RefreshOutcome::Next(number));
    }
    match newest {
        Some(newest)
            if newest.issued_for.as_deref() == Some(token_hash) && replace_in_tx(transaction, &newest).await? =>
        {
            Ok(RefreshOutcome::Next(number))
        }
        _ => Ok(RefreshOutcome::EndSession),
    }
}

/// Confirms this generation with one conditional update (compare-and-set). True when it was unused and not replaced until now.
pub async fn generation_confirm(db: &impl ConnectionTrait, session: SessionId, generation: i32) -> Result<bool> {
    use refresh_tokens::Column;
    let confirmed = refresh_tokens::Entity::update_many()
        .col_expr(Column::ConfirmedAt, Expr::val(clock::now()))
        .filter(Column::SessionId.eq(session.0))
        .filter(Column::Generation.eq(generation))
        .filter(Column::ConfirmedAt.is_null())
        .filter(Column::ReplacedAt.is_null())
        .exec(db)
        .await?;
    Ok(confirmed.rows_affected == 1)
}

/// Replaces the generation unless somebody has used it: compare-and-set, for its access token may be on the way at this moment.
async fn replace_in_tx(transaction: &Transaction, newest: &refresh_tokens::Model) -> Result<bool> {
    use refresh_tokens::Column;
    let replaced = refresh_tokens::Entity::update_many()
        .col_expr(Column::ReplacedAt, Expr::val(clock::now()))
        .filter(Column::TokenHash.eq(&newest.token_hash))
        .filter(Column::ConfirmedAt.is_null())
        .filter(Column::ReplacedAt.is_null())
        .exec(transaction)
        .await?;
    Ok(replaced.rows_affected == 1)
}

/// The newest generation of the session; none where all its tokens are older than the notion of generations.
async fn newest(transaction: &Transaction, session: SessionId) -> Result<Option<refresh_tokens::Model>> {
    let generations = refresh_tokens::Entity::find()
        .filter(refresh_tokens::Column::SessionId.eq(session.0))
        .filter(refresh_tokens::Column::Generation.is_not_null())
        .order_by_desc(refresh_tokens::Column::Generation);
    Ok(generations.one(transaction).await?)
}

struct NewGeneration {
    session: SessionId,
    number: i32,
    issued_for: Option<String>,
    is_confirmed: bool,
}

async fn issue_in_tx(transaction: &Transaction, row: NewGeneration) -> Result<Generation> {
    let NewGeneration { session, number, issued_for, is_confirmed } = row;
    let refresh_token = secret::generate();
    let now = clock::now();
    let row = refresh_tokens::ActiveModel {
        token_hash: Set(secret::hash(&refresh_token)),
        session_id: Set(session.0),
        created_at: Set(now.into()),
        used_at: Set(None),
        generation: Set(Some(number)),
        issued_for: Set(issued_for),
        confirmed_at: Set(is_confirmed.then(|| now.into())),
        replaced_at: Set(None),
    };
    row.insert(transaction).await?;
    Ok(Generation { session, number, refresh_token })
}

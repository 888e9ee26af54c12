//! Sessions: opened by signing in, continued by refresh-token rotation, and revoked for all processes at once.

use chrono::{DateTime, TimeDelta, Utc};
use entity::{refresh_tokens, sessions, users};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult,
    IntoActiveModel, QueryFilter, QueryTrait, sea_query::Expr,
};

use super::{
    User,
    generation::{
        Generation, RefreshOutcome, generation_first_in_tx, generation_next_in_tx, refresh_token_present_in_tx,
    },
    proof::{self, Purpose},
    rights::{seen_by_asker, seen_by_user},
    secret,
    types::{RefreshSessionInput, RevokeAllSessionsInput, RevokeSessionInput, SignOutInput},
};
use crate::{
    app::App,
    database::{self, Transaction, dialect},
    domain::{
        clock,
        error::{Code, Error, Result},
        ids::{GlobalId, SessionId, UserId},
        viewer::{Origin, Viewer},
    },
    events::Topic,
    features::audit::service::{Action, Entry, record_in_tx},
    graphql::{plan::SeenBy, row::Row},
    journal::EventKind,
};

/// A session with its tokens, which the client is given this once.
pub struct OpenedSession {
    pub session: SessionId,
    pub user: users::Model,
    pub access_token: String,
    pub access_token_expires_at: DateTime<Utc>,
    pub refresh_token: String,
}

/// Opens a session for a user who has been authenticated.
pub async fn session_open_in_tx(
    app: &App,
    transaction: &Transaction,
    user: &users::Model,
    origin: &Origin,
) -> Result<OpenedSession> {
    let now = clock::now();
    let session = sessions::ActiveModel {
        user_id: Set(user.id),
        created_at: Set(now.into()),
        last_used_at: Set(now.into()),
        expires_at: Set((now + idle_time(app)).into()),
        address: Set(Some(origin.address.to_string())),
        user_agent: Set(origin.user_agent.clone()),
        ..Default::default()
    };
    let session = session.insert(transaction).await?;
    let tokens = generation_first_in_tx(transaction, SessionId(session.id)).await?;
    opened(app, user.clone(), tokens)
}

/// Continues a session: exchanges its refresh token for new tokens. [`generation`](super::generation) decides about a token that comes
/// again.
pub async fn session_refresh(app: &App, origin: &Origin, wanted: RefreshSessionInput) -> Result<OpenedSession> {
    let transaction = database::begin(&app.db).await?;
    let token_hash = secret::hash(&wanted.refresh_token);
    let session = session_lock_in_tx(&transaction, &token_hash).await?.ok_or_else(not_valid)?;
    let number = match refresh_token_present_in_tx(&transaction, SessionId(session.id), &token_hash).await? {
        RefreshOutcome::Next(number) => number,
        RefreshOutcome::Ignore => return Err(not_valid()),
        RefreshOutcome::EndSession => {
            session_end_for_reuse(app, transaction, &session, origin).await?;
            return Err(not_valid());
        }
    };
    let now = clock::now();
    let mut continued = session.into_active_model();
    continued.last_used_at = Set(now.into());
    continued.expires_at = Set((now + idle_time(app)).into());
    continued.address = Set(Some(origin.address.to_string()));
    continued.user_agent = Set(origin.user_agent.clone());
    let session = continued.update(&transaction).await?;
    let user = users::Entity::find_by_id(session.user_id)
        .filter(users::Column::IsActive.eq(true))
        .one(&transaction)
        .await?
        .ok_or_else(not_valid)?;
    let tokens = generation_next_in_tx(&transaction, SessionId(session.id), number, token_hash).await?;
    let opened = opened(app, user, tokens)?;
    transaction.commit().await?;
    Ok(opened)
}

/// The session of a refresh token, locked, so that of two refreshes the second one sees what the first has done. None where the token is
/// unknown, and where the session has ended.
async fn session_lock_in_tx(transaction: &Transaction, token_hash: &str) -> Result<Option<sessions::Model>> {
    let backend = transaction.get_database_backend();
    let mut select = sessions::Entity::find()
        .inner_join(refresh_tokens::Entity)
        .filter(refresh_tokens::Column::TokenHash.eq(token_hash))
        .filter(sessions::Column::EndedAt.is_null())
        .filter(sessions::Column::ExpiresAt.gt(clock::now()))
        .into_query();
    dialect::lock_rows(backend, &mut select, sessions::Model::table());
    Ok(sessions::Model::find_by_statement(backend.build(&select)).one(transaction).await?)
}

/// Whose session was ended by its refresh token.
pub struct SignedOut {
    pub user: users::Model,
    /// Whether the token could still have continued the session, which proves that the sender is the user.
    pub is_proven: bool,
}

impl SignedOut {
    /// The user: shown with its own rights where the token proves it, and otherwise with those of the caller.
    pub fn shown(self) -> SeenBy<User> {
        if self.is_proven { seen_by_user(self.user, None) } else { seen_by_asker(self.user) }
    }
}

/// Ends the session that a refresh token belongs to, and gives its user; none where the token is unknown.
pub async fn session_sign_out(app: &App, origin: &Origin, wanted: SignOutInput) -> Result<Option<SignedOut>> {
    let transaction = database::begin(&app.db).await?;
    let found = refresh_tokens::Entity::find_by_id(secret::hash(&wanted.refresh_token))
        .find_also_related(sessions::Entity)
        .one(&transaction)
        .await?;
    let Some((token, Some(session))) = found else { return Ok(None) };
    let user = users::Entity::find_by_id(session.user_id).one(&transaction).await?;
    let ended = sessions_end_in_tx(&transaction, one(session.id)).await?;
    if !ended.is_empty() {
        let entry = Entry::by(UserId(session.user_id), origin, Action::SignedOut);
        record_in_tx(&transaction, entry.on(SessionId(session.id))).await?;
    }
    rights_change_in_tx(app, &transaction, UserId(session.user_id)).await?;
    transaction.commit().await?;
    let is_newest = token.used_at.is_none() && token.replaced_at.is_none();
    let went_on = !ended.is_empty() && session.expires_at > clock::now();
    Ok(user.map(|user| SignedOut { user, is_proven: is_newest && went_on }))
}

/// Ends one session, of oneself or, for admins, of anybody.
pub async fn session_revoke(app: &App, viewer: &Viewer, wanted: RevokeSessionInput) -> Result<sessions::Model> {
    let id = SessionId::parse(&wanted.session_id, "sessionId")?;
    viewer.signed_in()?;
    let transaction = database::begin(&app.db).await?;
    let present = sessions::Model::find_visible_for_update(&transaction, viewer, id)
        .await
        .map_err(|error| error.with_field("sessionId"))?;
    let ended = sessions_end_in_tx(&transaction, one(id.0)).await?;
    let session = ended.into_iter().next().unwrap_or(present);
    record_in_tx(&transaction, Entry::of(viewer, Action::SessionRevoked).on(id)).await?;
    rights_change_in_tx(app, &transaction, UserId(session.user_id)).await?;
    transaction.commit().await?;
    Ok(session)
}

/// Ends all sessions of oneself or, for admins, of anybody; with `except_current` all but the one that asks. Gives their number.
pub async fn sessions_revoke(app: &App, viewer: &Viewer, wanted: RevokeAllSessionsInput) -> Result<usize> {
    let asking = viewer.signed_in()?;
    let user = match &wanted.user_id {
        Some(id) => UserId::parse(id, "userId")?,
        None => asking.id,
    };
    let transaction = database::begin(&app.db).await?;
    users::Model::find_visible(&transaction, viewer, user).await.map_err(|error| error.with_field("userId"))?;
    let kept = asking.session.filter(|_| wanted.except_current);
    let ended = sessions_end_in_tx(&transaction, of_user(user, kept)).await?;
    // Whoever ends them does so because somebody else was in, who may have asked for another address.
    proof::withdraw_in_tx(&transaction, user.0, &[Purpose::ChangeEmail]).await?;
    record_in_tx(&transaction, Entry::of(viewer, Action::SessionsRevoked).on(user)).await?;
    rights_change_in_tx(app, &transaction, user).await?;
    transaction.commit().await?;
    Ok(ended.len())
}

fn one(session: i32) -> Condition {
    Condition::all().add(sessions::Column::Id.eq(session))
}

/// All sessions of the user, but for one that is kept.
pub fn of_user(user: UserId, kept: Option<SessionId>) -> Condition {
    let condition = Condition::all().add(sessions::Column::UserId.eq(user.0));
    match kept {
        Some(kept) => condition.add(sessions::Column::Id.ne(kept.0)),
        None => condition,
    }
}

/// Ends the sessions that have not ended yet, and gives them. Call [`rights_change_in_tx`] as well.
pub async fn sessions_end_in_tx(transaction: &Transaction, which: Condition) -> Result<Vec<sessions::Model>> {
    let ended = sessions::Entity::update_many()
        .col_expr(sessions::Column::EndedAt, Expr::val(clock::now()))
        .filter(which)
        .filter(sessions::Column::EndedAt.is_null())
        .exec_with_returning(transaction)
        .await?;
    Ok(ended)
}

/// Appends to the journal that the user's sessions or rights change: every process looks at the user's sockets after the
/// commit.
pub async fn rights_change_in_tx(app: &App, transaction: &Transaction, user: UserId) -> Result<()> {
    app.journal.append_in_tx(transaction, EventKind::RightsChange, user.0, &[Topic::User(user)]).await
}

fn opened(app: &App, user: users::Model, tokens: Generation) -> Result<OpenedSession> {
    let Generation { session, number, refresh_token } = tokens;
    let (access_token, access_token_expires_at) = app.access_tokens.issue(UserId(user.id), session, number)?;
    Ok(OpenedSession { session, user, access_token, access_token_expires_at, refresh_token })
}

/// Ends a session whose refresh token was reused: the tokens that were issued for it had been used already.
async fn session_end_for_reuse(
    app: &App,
    transaction: Transaction,
    session: &sessions::Model,
    origin: &Origin,
) -> Result<()> {
    sessions_end_in_tx(&transaction, one(session.id)).await?;
    let user = UserId(session.user_id);
    let entry = Entry::by(user, origin, Action::RefreshTokenReused).on(SessionId(session.id));
    record_in_tx(&transaction, entry).await?;
    rights_change_in_tx(app, &transaction, user).await?;
    transaction.commit().await?;
    Ok(())
}

fn idle_time(app: &App) -> TimeDelta {
    TimeDelta::days(app.config.accounts.session_days.into())
}

fn not_valid() -> Error {
    Error::new(Code::Unauthenticated, "The refresh token is not valid any more: sign in again.")
}

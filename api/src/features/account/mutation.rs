use async_graphql::Context;
use declare::mutations;

use super::{
    User, administration, deletion, email_change, openid,
    rights::seen_by_user,
    session::{self, SignedOut},
    sign_in,
    types::{
        ActiveSession, ChangeEmailInput, ChangeEmailPayload, ChangePasswordInput, ChangePasswordPayload,
        CompleteOpenIdSignInInput, CompleteOpenIdSignInPayload, DeleteAccountInput, DeleteAccountPayload,
        RefreshSessionInput, RefreshSessionPayload, RequestEmailVerificationInput, RequestEmailVerificationPayload,
        RequestPasswordResetInput, RequestPasswordResetPayload, ResetPasswordInput, ResetPasswordPayload,
        RevokeAllSessionsInput, RevokeAllSessionsPayload, RevokeSessionInput, RevokeSessionPayload, Session,
        SetUserActiveInput, SetUserActivePayload, SetUserRoleInput, SetUserRolePayload, SignInInput, SignInPayload,
        SignOutInput, SignOutPayload, SignUpInput, SignUpPayload, StartOpenIdSignInInput, StartOpenIdSignInPayload,
        VerifyEmailInput, VerifyEmailPayload,
    },
    verification,
};
use crate::{
    domain::{error::Result, ids::GlobalId},
    graphql::context::OperationContext,
};

/// What signs people in and out, and proves that an account or an address is theirs. What it is given proves who asks: no access token is
/// needed, and one that is not valid is taken no notice of ([`WithoutToken`](crate::graphql::without_token::WithoutToken)).
#[derive(Default)]
pub struct SignInMutation;

#[mutations]
impl SignInMutation {
    /// Makes an account with the role CUSTOMER and signs in to it; a message with a link verifies the e-mail address. CONFLICT when
    /// the address has an account already, however it is written; RATE_LIMITED after many accounts from one place.
    async fn sign_up(&self, ctx: &Context<'_>, input: SignUpInput) -> Result<SignUpPayload> {
        Ok(SignUpPayload { session: Session(sign_in::sign_up(ctx.app(), ctx.origin(), input).await?) })
    }

    /// Opens a session. UNAUTHENTICATED when the address or the password is wrong, without telling which; RATE_LIMITED after many
    /// attempts from one network address, or very many at one account, with `extensions.retryAfter` in seconds.
    async fn sign_in(&self, ctx: &Context<'_>, input: SignInInput) -> Result<SignInPayload> {
        Ok(SignInPayload { session: Session(sign_in::sign_in(ctx.app(), ctx.origin(), input).await?) })
    }

    /// Begins to sign in with an OpenID provider (`signInProviders`): send the browser to `authorizationUrl`, and give what it comes
    /// back with to `completeOpenIdSignIn`. FORBIDDEN where no provider is configured; BAD_USER_INPUT for a page that is not
    /// configured; RATE_LIMITED after many attempts; UNAVAILABLE while the provider does not answer.
    async fn start_open_id_sign_in(
        &self,
        ctx: &Context<'_>,
        input: StartOpenIdSignInInput,
    ) -> Result<StartOpenIdSignInPayload> {
        openid::sign_in_start(ctx.app(), ctx.origin(), input).await
    }

    /// Opens a session for whoever comes back from the OpenID provider. The first time, they get the account that has their verified
    /// e-mail address, or a new one with the role CUSTOMER. An account whose address nobody had verified loses its password and its
    /// sessions then: whoever made it did not prove that it was theirs.
    ///
    /// BAD_USER_INPUT on `state` when the sign-in was not started by this browser, was completed or is older than 10 minutes, and on
    /// `code` when the provider does not take it; UNAUTHENTICATED when what the provider says cannot be believed; FORBIDDEN when it has
    /// not verified the e-mail address, or when the account is not active; CONFLICT when the account is linked to somebody else at the
    /// provider; UNAVAILABLE while the provider does not answer. In each case, start again.
    async fn complete_open_id_sign_in(
        &self,
        ctx: &Context<'_>,
        input: CompleteOpenIdSignInInput,
    ) -> Result<CompleteOpenIdSignInPayload> {
        let session = Session(openid::sign_in_complete(ctx.app(), ctx.origin(), input).await?);
        Ok(CompleteOpenIdSignInPayload { session })
    }

    /// Continues a session with its newest refresh token: keep the tokens in the answer. Where the answer is lost, send the same token
    /// again: until one of the tokens that it gave is used, it gives others in their place. A token is used when the access token passes a
    /// check, with a request, in `connection_init` or in a ping, or when the refresh token is sent.
    ///
    /// UNAUTHENTICATED when the token is not valid, or was replaced before it was used: then another tab may have newer ones. One that
    /// comes after the tokens that it gave were used ends its session, for somebody else may have it. An `Authorization` that has
    /// expired does no harm.
    async fn refresh_session(&self, ctx: &Context<'_>, input: RefreshSessionInput) -> Result<RefreshSessionPayload> {
        Ok(RefreshSessionPayload { session: Session(session::session_refresh(ctx.app(), ctx.origin(), input).await?) })
    }

    /// Ends the session that the refresh token belongs to, at once and everywhere.
    async fn sign_out(&self, ctx: &Context<'_>, input: SignOutInput) -> Result<SignOutPayload> {
        let signed_out = session::session_sign_out(ctx.app(), ctx.origin(), input).await?;
        Ok(SignOutPayload { user: signed_out.map(SignedOut::shown) })
    }

    /// Sends a link that verifies the e-mail address, if there is an account that has not verified it. The answer is the same
    /// either way.
    async fn request_email_verification(
        &self,
        ctx: &Context<'_>,
        input: RequestEmailVerificationInput,
    ) -> Result<RequestEmailVerificationPayload> {
        verification::email_verification_request(ctx.app(), ctx.origin(), input).await?;
        Ok(RequestEmailVerificationPayload { accepted: true })
    }

    /// Marks the e-mail address as verified, or gives the account the one that `changeEmail` asked for; links that were sent to it before
    /// are worth nothing then, and its sessions go on. BAD_USER_INPUT when the link is not valid, was used or has expired, or when another
    /// one was asked for since; CONFLICT on `token` when another account has the new address by now.
    async fn verify_email(&self, ctx: &Context<'_>, input: VerifyEmailInput) -> Result<VerifyEmailPayload> {
        let user = verification::email_verify(ctx.app(), ctx.origin(), input).await?;
        Ok(VerifyEmailPayload { user: seen_by_user(user, None) })
    }

    /// Sends a link that sets a new password, if there is an account. The answer is the same either way.
    async fn request_password_reset(
        &self,
        ctx: &Context<'_>,
        input: RequestPasswordResetInput,
    ) -> Result<RequestPasswordResetPayload> {
        verification::password_reset_request(ctx.app(), ctx.origin(), input).await?;
        Ok(RequestPasswordResetPayload { accepted: true })
    }

    /// Sets the password of whoever got the link, also of an invitation. Every session of the user ends. BAD_USER_INPUT when the
    /// link is not valid, was used or has expired.
    async fn reset_password(&self, ctx: &Context<'_>, input: ResetPasswordInput) -> Result<ResetPasswordPayload> {
        let user = verification::password_reset(ctx.app(), ctx.origin(), input).await?;
        Ok(ResetPasswordPayload { user: seen_by_user(user, None) })
    }
}

#[derive(Default)]
pub struct AccountMutation;

#[mutations]
impl AccountMutation {
    /// Sets a new password. Every other session of the user ends. BAD_USER_INPUT when the present password is wrong.
    async fn change_password(&self, ctx: &Context<'_>, input: ChangePasswordInput) -> Result<ChangePasswordPayload> {
        Ok(ChangePasswordPayload {
            user: User(verification::password_change(ctx.app(), ctx.viewer(), input).await?.into()),
        })
    }

    /// Asks for another e-mail address for one's own account. A link goes to the new address, and `verifyEmail` with its token puts it in
    /// force; the present address is told now, and again then. Of several that were asked for, the newest counts, and a new password
    /// ends it. Whether the new address has an account already, only who reads its mail learns: then the message has no link. Null
    /// where it fails.
    ///
    /// BAD_USER_INPUT on `password` when it is wrong, and on `newEmail` for the present address; FORBIDDEN with
    /// `reason: SIGN_IN_AGAIN` for an account without a password whose session is older than ten minutes, and FORBIDDEN for the demo's
    /// people; RATE_LIMITED after many attempts or messages; UNAVAILABLE where the server sends no mail.
    async fn change_email(&self, ctx: &Context<'_>, input: ChangeEmailInput) -> Option<Result<ChangeEmailPayload>> {
        let requested = email_change::email_change_request(ctx.app(), ctx.viewer(), input).await;
        Some(requested.map(|requested| ChangeEmailPayload {
            user: User(requested.user.into()),
            expires_at: requested.expires_at.into(),
        }))
    }

    /// Ends one of one's own sessions, at once and everywhere. Admins end anybody's. NOT_FOUND for those of others.
    async fn revoke_session(&self, ctx: &Context<'_>, input: RevokeSessionInput) -> Result<RevokeSessionPayload> {
        let session = session::session_revoke(ctx.app(), ctx.viewer(), input).await?;
        Ok(RevokeSessionPayload { session: ActiveSession(session.into()) })
    }

    /// Ends all sessions of oneself, at once and everywhere. Admins may name somebody else; NOT_FOUND for anybody else who does.
    async fn revoke_all_sessions(
        &self,
        ctx: &Context<'_>,
        input: RevokeAllSessionsInput,
    ) -> Result<RevokeAllSessionsPayload> {
        let revoked = session::sessions_revoke(ctx.app(), ctx.viewer(), input).await?;
        Ok(RevokeAllSessionsPayload { revoked: i32::try_from(revoked).unwrap_or(i32::MAX) })
    }

    /// Removes one's own account for good, with everything personal; orders and ratings stay, with nobody's name on them.
    /// An order that one carries as a driver and has not picked up waits for another driver. BAD_USER_INPUT when the password is wrong;
    /// CONFLICT while an order of one's own is under way, for a driver who has picked one up, and for the last active admin.
    async fn delete_account(&self, ctx: &Context<'_>, input: DeleteAccountInput) -> Result<DeleteAccountPayload> {
        let deleted = deletion::account_delete(ctx.app(), ctx.viewer(), input).await?;
        Ok(DeleteAccountPayload { deleted_user_id: deleted.to_global() })
    }

    /// Gives somebody another role, at once, also for what they watch. Who is a CUSTOMER from now on is on no staff any more, also where
    /// nobody else runs the restaurant; who is no DRIVER any more is OFFLINE, and the order it has not picked up waits for another driver.
    /// For admins. CONFLICT for the last active admin, for a role of DRIVER without a driver's record, and for a driver who has
    /// picked an order up: wait for its end.
    async fn set_user_role(&self, ctx: &Context<'_>, input: SetUserRoleInput) -> Result<SetUserRolePayload> {
        Ok(SetUserRolePayload {
            user: User(administration::user_role_set(ctx.app(), ctx.viewer(), input).await?.into()),
        })
    }

    /// Lets somebody sign in, or not any more: then all their sessions and sockets end at once. A driver is OFFLINE then, and the
    /// order it has not picked up waits for another driver; one that it has picked up stays with it, and is moved by admins. Places on
    /// the staff of restaurants wait for the account's return. For admins. CONFLICT for the last active admin.
    async fn set_user_active(&self, ctx: &Context<'_>, input: SetUserActiveInput) -> Result<SetUserActivePayload> {
        Ok(SetUserActivePayload {
            user: User(administration::user_active_set(ctx.app(), ctx.viewer(), input).await?.into()),
        })
    }
}

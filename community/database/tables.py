"""All tables in one place, for Alembic and for the tests that compare it with the database."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

import community.access.models
import community.activity.models
import community.bot.models
import community.database.models
import community.engagement.models
import community.groups.models
import community.insight.models
import community.live.models
import community.members.models
import community.outbox.models
import community.outreach.models
import community.payments.models  # noqa: F401 - imported to register their tables

metadata: MetaData = SQLModel.metadata

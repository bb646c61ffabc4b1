"""The list of items as FastAPI's and SQLAlchemy's documentation writes it, on the tables of the generated project."""

import base64
import json
import os
import zlib
from datetime import datetime
from typing import Annotated

from fastapi import Cookie, Depends, FastAPI, HTTPException
from pydantic import BaseModel, ConfigDict
from sqlalchemy import DateTime, ForeignKey, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

engine = create_async_engine(os.environ["DATABASE_URL"].replace("postgres:", "postgresql+asyncpg:", 1))
new_session = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    pass


class SignIn(Base):
    __tablename__ = "django_session"

    session_key: Mapped[str] = mapped_column(primary_key=True)
    session_data: Mapped[str]
    expire_date: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class User(Base):
    __tablename__ = "users_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str]
    email: Mapped[str]
    is_active: Mapped[bool]


class Item(Base):
    __tablename__ = "items_item"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str]
    owner_id: Mapped[int] = mapped_column(ForeignKey("users_user.id"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ItemOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    description: str
    created_at: datetime
    updated_at: datetime


class Page(BaseModel):
    results: list[ItemOut]


async def database():
    async with new_session() as session:
        yield session


Database = Annotated[AsyncSession, Depends(database)]


def user_id_in(data):
    """Return the id of the user in the data of a session, which Django has encoded and signed."""
    payload = data.rsplit(":", 2)[0]
    text = base64.urlsafe_b64decode(payload.lstrip(".") + "===")
    return int(json.loads(zlib.decompress(text) if payload.startswith(".") else text)["_auth_user_id"])


async def signed_in(database: Database, sessionid: Annotated[str, Cookie()]) -> User:
    valid = select(SignIn).where(SignIn.session_key == sessionid, SignIn.expire_date > func.now())
    sign_in = await database.scalar(valid)
    user = await database.get(User, user_id_in(sign_in.session_data)) if sign_in else None
    if user is None or not user.is_active:
        raise HTTPException(403)
    return user


@app.get("/api/v1/items/", response_model=Page)
async def items(database: Database, user: Annotated[User, Depends(signed_in)]):
    found = select(Item).where(Item.owner_id == user.id).order_by(Item.created_at.desc(), Item.id.desc()).limit(50)
    return {"results": (await database.scalars(found)).all()}

"""A Django database engine that brings its own PostgreSQL.

DATA_DIR  where the cluster lives; the first connection makes it and starts its server
NAME      the database, created when it is missing
Every new connection looks whether the server runs and starts it again if it died meanwhile.
"""

import time
from typing import Any

import psycopg2
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.postgresql import base
from psycopg2 import errors, sql

from config import postgres

# What libpq says while a server starts, stops or has just died: worth another try, nothing else is.
PASSING = (
    "starting up",
    "shutting down",
    "recovery mode",
    "not yet accepting connections",
    "No such file or directory",
    "Connection refused",
    "server closed the connection",
)
PATIENCE_SECONDS = 30.0


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        data_dir = self.settings_dict.get("DATA_DIR")
        if not data_dir:
            raise ImproperlyConfigured('The engine "config.embedded" needs DATA_DIR.')
        host, port = postgres.ensure_running(data_dir)
        # dbshell reads the settings, not the parameters below.
        self.settings_dict.update(HOST=host, PORT=str(port), USER=postgres.SUPERUSER)
        return super().get_connection_params()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return super().get_new_connection(conn_params)
            except psycopg2.OperationalError as error:
                text = str(error)
                if f'database "{conn_params["dbname"]}" does not exist' in text:
                    create_database(conn_params)
                elif time.monotonic() > deadline or not any(part in text for part in PASSING):
                    raise
                else:
                    time.sleep(0.1)
                    conn_params = {**conn_params, **self.address()}

    def address(self) -> dict[str, str]:
        host, port = postgres.ensure_running(self.settings_dict["DATA_DIR"])
        return {"host": host, "port": str(port)}


def create_database(conn_params: dict[str, Any]) -> None:
    address = {key: conn_params[key] for key in ("host", "port", "user")}
    connection = psycopg2.connect(dbname="postgres", **address)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            name = sql.Identifier(conn_params["dbname"])
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(name))
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        pass  # another process that starts now was faster
    finally:
        connection.close()

"""Errors of stored files and of their backups."""

from __future__ import annotations

import errno
import os

from document_parser.errors.base import DocumentParserError


class DeletionIncomplete(DocumentParserError):
    """Something of an owner is still there after everything was deleted."""

    code = "DELETION_INCOMPLETE"
    status = 503
    retryable = True
    message = "Not everything could be deleted; details say what is left. Send the request again until it succeeds."


class StorageUnavailable(DocumentParserError):
    """The document store cannot be read or written."""

    code = "STORAGE_UNAVAILABLE"
    status = 503
    retryable = True
    message = "The document store cannot be read or written at the moment. Try again shortly."


class StorageKeyWrong(StorageUnavailable):
    """The stored files are encrypted with a key that STORAGE_KEY does not have."""

    code = "STORAGE_KEY_WRONG"
    status = 503
    retryable = False
    message = (
        "The stored files are encrypted with another key. Set STORAGE_KEY to the key that they were encrypted with; several "
        "keys are separated by commas, the newest first."
    )


class StoredFileDamaged(DocumentParserError):
    """A stored file was changed, moved, cut off or replaced: it does not decrypt."""

    code = "STORED_FILE_DAMAGED"
    status = 500
    message = "A stored file was changed or cut off since it was written, and cannot be used. Submit the document again."


class StorageFull(StorageUnavailable):
    """The document store has no space left."""

    code = "STORAGE_FULL"
    status = 507
    message = "The document store is full, and nothing was stored. Free space on the server, then send the request again."

    ERRNO_VALUES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
    """``errno`` values that mean a full disk, an exceeded quota or a file size limit."""

    @classmethod
    def from_os_error(cls, error: OSError) -> StorageUnavailable:
        """Return StorageFull for a full disk, a quota or a size limit, else StorageUnavailable."""
        kind = cls if error.errno in cls.ERRNO_VALUES else StorageUnavailable
        return kind(reason=os.strerror(error.errno or 0))


class BackupUnusable(DocumentParserError):
    """The folder is no complete backup, or one that this program, or this service, cannot take."""

    code = "BACKUP_UNUSABLE"
    status = 422
    message = "This folder is no complete backup. A backup is complete once it has the file backup.json; make another one."


class BackupDamaged(DocumentParserError):
    """A file of a backup was changed or lost since it was made."""

    code = "BACKUP_DAMAGED"
    status = 422
    message = "A file of the backup was changed or lost. Nothing was restored. Take another copy of it, or an older backup."


class BackupRefused(DocumentParserError):
    """Redis does not allow a backup."""

    code = "BACKUP_REFUSED"
    status = 422
    message = (
        "Redis refuses the commands of a backup: CLIENT PAUSE, EVAL_RO, SCAN, DUMP and PEXPIRETIME, which Valkey and Redis 7 "
        "have. Allow them to the user of REDIS_URL, or use the snapshots of your provider."
    )


class BackupTooSlow(DocumentParserError):
    """Redis has more data than can be copied while clients wait."""

    code = "BACKUP_TOO_SLOW"
    status = 503
    retryable = True
    message = (
        "Redis could not be copied within the time for which its clients may wait, so nothing was kept. Allow more with "
        "--max-pause SECONDS, at a time when the service has little to do."
    )


class RestoreRefused(DocumentParserError):
    """Redis does not take a key of the backup."""

    code = "RESTORE_REFUSED"
    status = 422
    message = (
        "This Redis does not take the keys of the backup. They can be restored to the same kind of server (Valkey or Redis) of "
        "the same version or a newer one; backup.json says which it was."
    )


class RestoreTargetInUse(DocumentParserError):
    """A service runs on what is to be replaced."""

    code = "RESTORE_TARGET_IN_USE"
    status = 409
    retryable = True
    message = "A service or a worker runs with this DATA_DIR or this Redis. Stop it on all hosts, then restore."


class RestoreTargetNotEmpty(DocumentParserError):
    """There is data where the backup is to be restored."""

    code = "RESTORE_TARGET_NOT_EMPTY"
    status = 409
    ADVICE = "Restore into another DATA_DIR, Redis and database, or replace all that is there with --overwrite."
    message = f"There is data already. {ADVICE}"

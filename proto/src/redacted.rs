//! `Debug` implementations that omit presigned URLs and tickets.

use std::fmt;

use crate::v1::{CreateTicketResponse, GetDownloadUrlResponse, GetUploadUrlResponse, SignedPart};

impl fmt::Debug for GetUploadUrlResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetUploadUrlResponse")
            .field("object_name", &self.object_name)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for GetDownloadUrlResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GetDownloadUrlResponse")
            .field("object_name", &self.object_name)
            .field("expires_at", &self.expires_at)
            .field("stage", &self.stage)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for SignedPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedPart")
            .field("part_number", &self.part_number)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CreateTicketResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateTicketResponse")
            .field("ticket_id", &self.ticket_id)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_omits_tickets() {
        let created = CreateTicketResponse {
            ticket: "dst_Secret".to_owned(),
            path: "/t/dst_Secret".to_owned(),
            ..Default::default()
        };
        let shown = format!("{created:?} {created:#?}");
        assert!(!shown.contains("Secret"), "{shown}");
    }

    #[test]
    fn debug_omits_presigned_urls() {
        let upload = GetUploadUrlResponse {
            upload_url: "https://s3.example/?X-Amz-Signature=1".to_owned(),
            fields: [("x-amz-signature".to_owned(), "Signature".to_owned())].into(),
            ..Default::default()
        };
        let download = GetDownloadUrlResponse {
            download_url: "https://s3.example/?X-Amz-Signature=2".to_owned(),
            ..Default::default()
        };
        let part = SignedPart {
            upload_url: "https://s3.example/?X-Amz-Signature=3".to_owned(),
            ..Default::default()
        };
        let shown = format!("{upload:?} {download:?} {part:?} {upload:#?} {download:#?} {part:#?}");
        assert!(!shown.contains("Signature"), "{shown}");
    }
}

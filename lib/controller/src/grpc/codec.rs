//! The codec of the contract's calls: protobuf, with the elements of a message counted before it is decoded.

use bytes::Buf as _;
use prost::Message;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

use super::status::status;
use crate::calls::RpcRequest;
use crate::elements::check_protobuf;
use crate::gate::Admitted;

/// The codec of one call of an admitted caller, with its request and its response.
#[derive(Debug)]
pub(super) struct CallCodec<R, A> {
    codec: ProstCodec<A, R>,
    admitted: Admitted,
}

impl<R: RpcRequest, A: Message + 'static> CallCodec<R, A> {
    pub(super) fn new(admitted: Admitted) -> Self {
        Self {
            codec: ProstCodec::default(),
            admitted,
        }
    }
}

impl<R: RpcRequest, A: Message + 'static> Codec for CallCodec<R, A> {
    type Encode = A;
    type Decode = R;
    type Encoder = ProstEncoder<A>;
    type Decoder = CountingDecoder<R>;

    fn encoder(&mut self) -> Self::Encoder {
        self.codec.encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        CountingDecoder {
            decoder: self.codec.decoder(),
            admitted: self.admitted.clone(),
        }
    }
}

/// A decoder that refuses messages with too many elements.
#[derive(Debug)]
pub(super) struct CountingDecoder<R> {
    decoder: ProstDecoder<R>,
    admitted: Admitted,
}

impl<R: RpcRequest> Decoder for CountingDecoder<R> {
    type Item = R;
    type Error = Status;

    fn decode(&mut self, message: &mut DecodeBuf<'_>) -> Result<Option<R>, Status> {
        // The buffer is one piece.
        check_protobuf(message.chunk(), R::RPC.row().size.max_elements()).map_err(|failure| {
            self.admitted.refused(R::RPC, &failure);
            status(&failure)
        })?;
        self.decoder.decode(message)
    }
}

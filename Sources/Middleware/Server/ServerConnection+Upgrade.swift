import HTTPTypes
import NIOCore

/// The hand-over of a connection to a handler that takes its bytes (RFC 9110 section 7.8).
extension ServerConnection {
    /// Whether the answer ends HTTP on this connection: 101 to an offer of the client, or a success of CONNECT.
    func isUpgrade(_ status: HTTPResponse.Status, _ terms: AnswerTerms) -> Bool {
        // What is left of a request's body would be taken for bytes of the new protocol.
        guard body.isComplete else { return false }
        if terms.isConnect { return status.kind == .successful }
        return status.code == 101 && offeredUpgrade != nil
    }

    func handOver(
        _ response: consuming Response,
        _ upgrade: nonisolated(nonsending) (consuming Connection, RequestContext) async throws -> Void,
        _ terms: AnswerTerms,
        _ context: RequestContext,
        _ outcome: inout Outcome
    ) async throws {
        var headers = response.headers
        if !terms.isConnect, !headers.contains(known: .upgrade), let token = offeredUpgrade {
            headers.append(.upgrade, token)
        }
        var buffer = ByteBuffer()
        ResponseEncoder.writeHead(
            status: response.status,
            headers: headers,
            framing: .none,
            answering: terms.method,
            persists: true,
            date: server.date,
            into: &buffer
        )
        response.body.discard()
        outcome.firstByteAt = worker.now
        wire.write(buffer)
        wire.flush()
        clearTimer()
        let early = input.readableBytes > 0 ? input : nil
        input = ByteBuffer()
        let bytes = ConnectionBytes(wire, on: worker, early: early) {}
        phase = .raw(bytes)
        if !isReading { setReading(true) }
        if inputEnded { bytes.inputClosed() }
        context.compact()
        do {
            try await upgrade(Connection(bytes), context)
        } catch {
            bytes.close()
            throw error
        }
        finish(context, ending(of: outcome))
        bytes.close()
    }
}

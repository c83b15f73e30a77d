import NIOCore

/// Pieces of a file as a body, a chunk at a time: what is in memory is read on the loop, the rest by a thread of the
/// pool. One chunk is in memory here at the most.
///
/// It sends what was announced or breaks off: a file that has become shorter meanwhile ends with a throw, one that has
/// grown ends where it did before.
final class FileBody: BodySource {
    let knownLength: Int?
    private let worker: Worker
    private let cancellation: Cancellation
    /// `nil` once it is over.
    private var file: ServedFile?
    /// The pieces that are left, the next one last.
    private var rest: [FilePiece]
    /// Those of a chunk for which the disk has to be waited.
    private var awaited: [FilePiece]?
    private var ahead: ByteBuffer?
    /// The memory of the last chunk, for the next one if nobody holds it any more.
    private var spare = ByteBuffer()
    /// What further reads throw.
    private var failure: (any Error)?
    private var wait: DiskWork<Result<ByteBuffer, FileProblem>>?

    /// - Parameter first: the first chunk, if it was read already.
    init(_ file: ServedFile, _ pieces: [FilePiece], first: ByteBuffer? = nil, in context: RequestContext) {
        self.file = file
        worker = context.worker
        cancellation = context.cancellation
        knownLength = pieces.reduce(0) { $0 + $1.byteCount }
        rest = pieces.reversed()
        guard let first else { return }
        _ = FilePiece.chunk(from: &rest)
        ahead = first
    }

    /// Reads the next chunk if that needs no wait.
    var isReady: Bool {
        if awaited != nil { return false }
        guard ahead == nil, failure == nil, let file else { return true }
        let pieces = FilePiece.chunk(from: &rest)
        guard !pieces.isEmpty else { return true }
        do throws(FileProblem) {
            guard file.isReadAtOnce,
                try FileReading.readAtOnce(pieces, of: file.descriptor, into: &spare)
            else {
                awaited = pieces
                return false
            }
            ahead = spare
        } catch {
            end(with: error)
        }
        return true
    }

    func read() async throws -> BodyPart {
        if !isReady, let pieces = awaited, let file {
            let bytes = try await wait(for: pieces, of: file)
            awaited = nil
            return .bytes(bytes)
        }
        if let failure { throw failure }
        guard let bytes = ahead.take() else {
            end(with: BodyConsumed())
            return .end(trailers: nil)
        }
        return .bytes(bytes)
    }

    func cancel(_ reason: any Error) {
        guard failure == nil else { return }
        end(with: reason)
        wait?.interrupt(reason)
    }

    private nonisolated(nonsending) func wait(for pieces: [FilePiece], of file: ServedFile) async throws -> ByteBuffer {
        let wait = DiskWork<Result<ByteBuffer, FileProblem>>()
        self.wait = wait
        defer { self.wait = nil }
        do {
            let result = try await wait.value(in: (worker, cancellation)) {
                Result { () throws(FileProblem) in try FileReading.read(pieces, of: file.descriptor) }
            }
            // A cancel can come between the end of the work and this.
            if let failure { throw failure }
            return try result.get()
        } catch {
            end(with: failure ?? error)
            throw failure ?? error
        }
    }

    private func end(with error: any Error) {
        if failure == nil { failure = error }
        file = nil
        rest = []
        ahead = nil
        awaited = nil
        spare = ByteBuffer()
    }
}

extension FilePiece {
    /// Takes the pieces of the next chunk off the end of `rest`; none when nothing is left.
    static func chunk(from rest: inout [FilePiece]) -> [FilePiece] {
        var chunk: [FilePiece] = []
        var room = FileReading.chunkBytes
        while room > 0, let piece = rest.popLast() {
            switch piece {
            case .file(let range) where range.count > room:
                chunk.append(.file(range.lowerBound..<range.lowerBound + room))
                rest.append(.file(range.lowerBound + room..<range.upperBound))
                room = 0
            case .bytes(let bytes) where bytes.count > room && !chunk.isEmpty:
                rest.append(piece)
                room = 0
            default:
                chunk.append(piece)
                room -= piece.byteCount
            }
        }
        return chunk
    }
}

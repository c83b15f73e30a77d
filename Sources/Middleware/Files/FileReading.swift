import NIOCore

#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A piece of a body: bytes of a file, or what stands between them.
enum FilePiece: Sendable, Hashable {
    case file(Range<Int>)
    case bytes([UInt8])

    var byteCount: Int {
        switch self {
        case .file(let range): range.count
        case .bytes(let bytes): bytes.count
        }
    }
}

/// Reads pieces of a file into memory.
enum FileReading {
    /// The most that is read at a time, and kept in memory of one answer.
    static let chunkBytes = 128 << 10

    /// Reads them, and waits for the disk.
    static func read(_ pieces: [FilePiece], of file: HeldDescriptor) throws(FileProblem) -> ByteBuffer {
        var buffer = ByteBuffer()
        _ = try fill(&buffer, with: pieces, of: file, waits: true)
        return buffer
    }

    /// Reads them into a buffer that is emptied before, if all of them are in memory; `false` when the disk would have
    /// to be waited for.
    static func readAtOnce(
        _ pieces: [FilePiece], of file: HeldDescriptor, into buffer: inout ByteBuffer
    ) throws(FileProblem) -> Bool {
        try fill(&buffer, with: pieces, of: file, waits: false)
    }

    /// Whether reads of this file can be told not to wait. Those of network file systems, FUSE and tmpfs cannot.
    static func canReadAtOnce(_ file: HeldDescriptor) -> Bool {
        var byte: UInt8 = 0
        return withUnsafeMutableBytes(of: &byte) { read(file.number, into: $0, at: 0, waits: false) } != .unsupported
    }

    private enum Outcome: Equatable {
        case bytes(Int)
        case wouldWait
        case unsupported
        case failed(Int32)
    }

    private static func fill(
        _ buffer: inout ByteBuffer, with pieces: [FilePiece], of file: HeldDescriptor, waits: Bool
    ) throws(FileProblem) -> Bool {
        buffer.clear(minimumCapacity: pieces.reduce(0) { $0 + $1.byteCount })
        for piece in pieces {
            switch piece {
            case .bytes(let bytes):
                buffer.write(bytes)
            case .file(var range):
                while !range.isEmpty {
                    var outcome = Outcome.wouldWait
                    _ = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: range.count) { room in
                        let room = UnsafeMutableRawBufferPointer(rebasing: room[..<range.count])
                        outcome = read(file.number, into: room, at: range.lowerBound, waits: waits)
                        return if case .bytes(let count) = outcome { count } else { 0 }
                    }
                    switch outcome {
                    case .bytes(0): throw .truncated
                    case .bytes(let count): range = range.lowerBound + count..<range.upperBound
                    case .wouldWait, .unsupported: return false
                    case .failed(let code): throw FileProblem(code)
                    }
                }
            }
        }
        return true
    }

    private static func read(
        _ descriptor: Int32, into room: UnsafeMutableRawBufferPointer, at offset: Int, waits: Bool
    ) -> Outcome {
        while true {
            let count: Int
            if waits {
                count = pread(descriptor, room.baseAddress, room.count, off_t(offset))
            } else {
                guard let preadv2 else { return .unsupported }
                var vector = iovec(iov_base: room.baseAddress, iov_len: room.count)
                count = preadv2(descriptor, &vector, 1, off_t(offset), withoutWaiting)
            }
            if count >= 0 { return .bytes(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return waits ? .failed(EAGAIN) : .wouldWait
            case EOPNOTSUPP, ENOSYS, EINVAL: return waits ? .failed(errno) : .unsupported
            case let code: return .failed(code)
            }
        }
    }

    private typealias PositionedRead = @convention(c) (Int32, UnsafePointer<iovec>?, Int32, off_t, Int32) -> Int

    /// The call that takes flags, which the module of the C library hides; `nil` where there is none, and then every
    /// read is the pool's.
    private static let preadv2: PositionedRead? = {
        #if os(Linux)
        dlsym(nil, "preadv2").map { unsafeBitCast($0, to: PositionedRead.self) }
        #else
        nil
        #endif
    }()

    /// `RWF_NOWAIT`: what is not in memory is not read (Linux 4.14).
    private static let withoutWaiting: Int32 = 0x8
}

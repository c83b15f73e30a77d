#if canImport(Darwin)
import Darwin
#elseif canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A way from the root down, name by name, each opened in the folder that was opened before it: whatever others rename
/// or link meanwhile, a step leads down, and a step back leads to a folder that was passed. It waits for the disk.
///
/// `openat2` with `RESOLVE_BENEATH` would do the same in one call; Swift cannot call it.
struct FileWalk {
    /// Where a name leads.
    enum Place {
        /// To a folder: the folders from the root to it.
        case folder([HeldDescriptor])
        /// To a file that can be read.
        case file(HeldDescriptor, FileStatus)
    }

    /// What a way comes to.
    private enum End {
        /// To the last of these folders.
        case folder([HeldDescriptor])
        /// To a file or a folder in the last of these, which is not open.
        case name(FileName, in: [HeldDescriptor], FileStatus)
    }

    /// One step: a name, or back.
    private enum Step {
        case name(FileName)
        case back
    }

    private let root: HeldDescriptor
    private let followsLinks: Bool
    private var links = 0
    /// As many as Linux itself follows.
    private static let mostLinks = 40

    init(from root: HeldDescriptor, followingLinks: Bool) {
        self.root = root
        followsLinks = followingLinks
    }

    /// The folders from the root to the one that the names lead to.
    mutating func folder(_ names: some Sequence<FileName>) throws(FileProblem) -> [HeldDescriptor] {
        guard case .folder(let trail) = try go(names.map { .name($0) }, from: [root]) else { throw .missing }
        return trail
    }

    /// What is where one name in a folder leads, if that would be served. Nothing is opened but folders that links lead
    /// through.
    mutating func look(at name: FileName, in trail: [HeldDescriptor]) throws(FileProblem) -> FileStatus {
        switch try end(of: [.name(name)], from: trail) {
        case .folder(let trail):
            guard let folder = trail.last else { throw .missing }
            return try FileStatus(of: folder)
        case .name(let name, let trail, let status):
            if status.kind == .file { try trail.last?.checkReadable(name) }
            return status
        }
    }

    /// Where one name in a folder leads.
    mutating func place(_ name: FileName, in trail: [HeldDescriptor]) throws(FileProblem) -> Place {
        try go([.name(name)], from: trail)
    }

    private mutating func go(_ steps: [Step], from start: [HeldDescriptor]) throws(FileProblem) -> Place {
        switch try end(of: steps, from: start) {
        case .folder(let trail):
            return .folder(trail)
        case .name(let name, let trail, let seen):
            guard let folder = trail.last else { throw .missing }
            guard seen.kind == .file else {
                return .folder(trail + [try HeldDescriptor(name, in: folder, for: .passing)])
            }
            let file = try HeldDescriptor(name, in: folder, for: .reading)
            // What was looked at may not be what was opened.
            let status = try FileStatus(of: file)
            guard status.kind == .file else { throw .missing }
            return .file(file, status)
        }
    }

    private mutating func end(of steps: [Step], from start: [HeldDescriptor]) throws(FileProblem) -> End {
        var trail = start
        var pending = Array(steps.reversed())
        while let step = pending.popLast() {
            guard case .name(let name) = step else {
                // Back from the root leads out of it.
                guard trail.count > 1 else { throw .missing }
                trail.removeLast()
                continue
            }
            guard let folder = trail.last else { throw .missing }
            if !followsLinks, !pending.isEmpty {
                // A link is not a folder to this.
                trail.append(try HeldDescriptor(name, in: folder, for: .passing))
                continue
            }
            let status = try FileStatus(of: name, in: folder)
            switch status.kind {
            case .folder where !pending.isEmpty:
                trail.append(try HeldDescriptor(name, in: folder, for: .passing))
            case .link:
                links += 1
                guard followsLinks, links <= Self.mostLinks else { throw .missing }
                pending += try Self.target(of: name, in: folder).reversed()
            case .file, .folder:
                guard pending.isEmpty else { throw .missing }
                return .name(name, in: trail, status)
            case .other:
                throw .missing
            }
        }
        return .folder(trail)
    }

    /// The steps that a link stands for. One that begins at the root of the system leads out, whatever it names.
    private static func target(of name: FileName, in folder: HeldDescriptor) throws(FileProblem) -> [Step] {
        var buffer = [CChar](repeating: 0, count: 4096)
        let room = buffer.count
        let count = try name.withCharacters { name in
            buffer.withUnsafeMutableBufferPointer { buffer in
                guard let start = buffer.baseAddress else { return 0 }
                return readlinkat(folder.number, name, start, room)
            }
        }
        guard count >= 0 else {
            let code = errno
            // It was a link a moment ago.
            throw code == EINVAL ? .missing : FileProblem(code)
        }
        guard count > 0, count < room, buffer[0] != CChar(bitPattern: UInt8(ascii: "/")) else { throw .missing }
        let bytes = buffer[..<count].map { UInt8(bitPattern: $0) }
        var steps: [Step] = []
        for part in bytes.split(separator: UInt8(ascii: "/")) where !part.elementsEqual([UInt8(ascii: ".")]) {
            if part.elementsEqual([UInt8(ascii: "."), UInt8(ascii: ".")]) {
                steps.append(.back)
            } else if let name = FileName(Array(part)) {
                steps.append(.name(name))
            } else {
                throw .missing
            }
        }
        return steps
    }
}

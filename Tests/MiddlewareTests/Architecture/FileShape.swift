/// The shape of a file from outside: its name and its length.
enum FileShape {
    static let longestSource = 400
    static let longestTest = 600

    private static let vague: Set = [
        "util", "utils", "utilities", "helper", "helpers", "manager", "managers", "common", "misc", "base", "impl",
        "stuff",
    ]

    /// A file past its limit usually holds two things.
    static func length(of file: SourceFile) -> Violation? {
        let limit = file.isSource ? longestSource : longestTest
        guard file.length > limit else { return nil }
        return Violation(
            path: file.path, line: limit + 1, problem: "\(file.length) lines, where \(limit) is the limit",
            mend: "make it a folder whose files each hold one noun")
    }

    /// A name that would fit any content says nothing about this one.
    static func name(of file: SourceFile) -> Violation? {
        for part in file.path.dropLast(".swift".count).split(separator: "/") {
            guard let word = words(of: part).first(where: { vague.contains($0) }) else { continue }
            return Violation(
                path: file.path, line: 1, problem: "the name \(part) says \(word)",
                mend: "name it by the noun that it holds")
        }
        return nil
    }

    /// The words of `RequestContext+Fork`, in lower case.
    private static func words(of name: Substring) -> [String] {
        var words = [""]
        for character in name {
            if !character.isLetter, !character.isNumber {
                words.append("")
            } else {
                if character.isUppercase { words.append("") }
                words[words.count - 1] += character.lowercased()
            }
        }
        return words
    }
}

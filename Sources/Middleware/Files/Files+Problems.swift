extension Files.Configuration {
    /// Notes what is wrong with the values.
    func report(to blueprint: inout Blueprint) {
        reportPaths(to: &blueprint)
        reportFields(to: &blueprint)
        for (name, value) in [("ranges", ranges), ("open files", openFiles)] {
            blueprint.require(value >= 0, "allows \(value) \(name)", mend: "give zero or more")
        }
        blueprint.require(openFor >= .zero, "keeps files open for \(openFor)", mend: "give zero or more")
        if case .html(let limit) = listing {
            blueprint.require(
                (1...10_000).contains(limit), "lists at most \(limit) names", mend: "give 1 to 10000")
        }
        blueprint.require(
            Set(precompressed).count == precompressed.count, "offers a coding twice", mend: "name each coding once")
    }

    private func reportPaths(to blueprint: inout Blueprint) {
        let isNormal = prefix.hasPrefix("/") && RequestTarget(prefix).path == prefix && !prefix.contains("//")
        blueprint.require(
            prefix.isEmpty || isNormal, "takes off the prefix \(prefix)",
            mend: "begin it with a slash, and write it as it stands in a normalised path, without a query")
        for text in index {
            let name = FileName(text)
            blueprint.require(
                name != nil, "has the index file \(text.isEmpty ? "\"\"" : text)", mend: "give the name of one file")
        }
        if let fallback {
            blueprint.require(
                FileSite.path(ofFallback: fallback) != nil,
                "falls back to \(fallback.isEmpty ? "\"\"" : fallback)",
                mend: "give the path of a file below the root, such as index.html")
        }
    }

    private func reportFields(to blueprint: inout Blueprint) {
        let extensions = mediaTypes.keys.sorted() + cacheControlByExtension.keys.sorted()
        for text in extensions where text.isEmpty || text.contains(where: { $0 == "." || $0 == "/" }) {
            blueprint.require(false, "names the extension \"\(text)\"", mend: "write it without its dot")
        }
        for texts in [mediaTypes.keys, cacheControlByExtension.keys].map({ $0.map { $0.lowercased() }.sorted() }) {
            for (text, next) in zip(texts, texts.dropFirst()) where text == next {
                blueprint.require(
                    false, "names the extension \(text) twice", mend: "name it once; case does not matter")
            }
        }
        let types = mediaTypes.sorted { $0.key < $1.key }.map(\.value) + (defaultMediaType.map { [$0] } ?? [])
        for type in types where !Self.isMediaType(type) {
            blueprint.require(false, "has the media type \"\(type)\"", mend: "write it as text/html; charset=utf-8")
        }
        let controls = cacheControlByExtension.sorted { $0.key < $1.key }.map(\.value)
        for control in (cacheControl.map { [$0] } ?? []) + controls {
            blueprint.require(
                !control.isEmpty && FieldGrammar.isFieldValue(control.utf8.span),
                "has the Cache-Control \"\(control)\"", mend: "write directives such as max-age=3600")
        }
    }

    /// RFC 9110 section 8.3.1.
    private static func isMediaType(_ text: String) -> Bool {
        let parts = text.split(separator: ";", maxSplits: 1, omittingEmptySubsequences: false)
        let names = parts[0].split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard names.count == 2, names.allSatisfy({ FieldGrammar.isToken($0.utf8.span) }) else { return false }
        return parts.count == 1 || FieldParameters(parts[1]) != nil
    }
}

// Package config finds and reads the configuration of the command: it decides
// which store is meant, which keys it has, and which files may be believed.
//
// # Files
//
// Every directory from the working directory up to the home directory, or else
// the root, may hold a fleche.toml; these are the walked files. The user's own
// file is $XDG_CONFIG_HOME/fleche/cache.toml, by default below ~/.config. A
// top-level table is taken whole from the nearest file that has it, the user's own
// file being the farthest. After a file with root = true in its [default] the
// walk stops, and the tables of the user's own file are not merged; that
// file is read all the same, because nothing takes its policies away.
// --config FILE is read instead of all and has the standing of the user's own file.
//
// A walked file at or below a directory that is marked as a store by a
// file of the user or of root is not opened; a warning names it. A mark of somebody
// else counts for nothing, or whoever can write to a parent directory could switch
// a configuration off by planting one. The same holds for .fsk directories.
//
// # Whom to believe
//
// A file must be a regular one, not a link, of at most [MaxFileSize] bytes, owned
// by the user or root, and not writable by the world, nor by its group unless
// that has the user's own number. One with a secret_key anywhere in it must
// not be accessible to anybody else. Its directory must not be writable by the
// world unless it is sticky. A .fsk directory that is found by walking must be
// a real directory that belongs to the user or root, and it and its parent
// must not be writable by the world unless sticky; its group may share it. Anything else is an
// error: a file that cannot be believed is never skipped. Owners and modes are
// checked on Unix only.
//
// A walked file may come from a cloned repository. It decides about the store that
// its own section names and about no other:
//
//   - its secret_key counts for that store alone, and not if that is the user's own
//     store: the default one, or the one that the cache of the user's own file names;
//   - for every other store the cache of the user's own file gives the keys,
//     whichever cache a walked file selects;
//   - policies of all files add up and the strictest wins. Beside the
//     cache in use, the cache that the user's own file selects takes part;
//     --cache names both. A walked file cannot raise the limit of an object's size above
//     the user's, or the built-in one if the user has set none;
//   - it names no hook program: pre_read in its section of the cache in use is an error.
//
// A program, an argument of it that is an absolute path, and the list of a deny_file are
// refused if they are in the store, or in another one that is marked by the user or root,
// by whatever links. The list is believed like a configuration file. Where a program is, and
// whether it is the pinned one, is looked at when it is asked.
//
// # The store
//
// --store, else FSK_STORE, else the cache (--cache, else cache in [default]) if its
// section has a directory, else the nearest .fsk directory upward, as far
// as the walk goes, else $XDG_DATA_HOME/fsk, by default below ~/.local/share. Relative XDG
// variables are ignored, as their specification says. A relative values.root is
// relative to its file, and "~/" is the home directory. fleche's form with template
// and root means the directory "values" in that root. The caches "memory" and "void", which
// fleche has without a section, name no store.
//
// The type, durability and namespace come from the section that names the store, from
// the one that --cache names, or from a section without a directory
// in the user's own file. Otherwise they are fsk, full and default.
//
// # Keys
//
// A secret_key wins over FLECHE_SECRET_KEY for the store of its section, unless
// --store or FSK_STORE names the store. A variable that is set must be right: if
// FLECHE_SECRET_KEY is empty or malformed it is an error even where the keys of
// a file win, so that it does not wait for another directory to be noticed. FSK_REQUIRE_SEAL is
// 1 (on), 0 or empty (off); FSK_STORE must not be empty; all else is an error.
//
// # Messages
//
// No message holds a value of a file. Of keys it shows the path, without what is
// below a secret_key and without any element in which 8 hexadecimal digits follow one another,
// which may be a secret that got into the wrong place. Source lines and the texts of
// the TOML library are never shown. Paths in messages are not escaped.
//
// # Example
//
// With this file as /home/ada/.config/fleche/cache.toml, mode 0600,
//
//	[default]
//	cache = "builds"
//
//	[builds]
//	values.type = "fsk"
//	values.root = "~/builds"
//	values.secret_key = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
//
//	[builds.policy]
//	require_seal = true
//
// and nothing else, [Load] gives the store /home/ada/builds with the key of the file.
// In a directory whose fleche.toml selects another cache it gives
// that cache's store and keys, and refuses to work if it has no key.
package config

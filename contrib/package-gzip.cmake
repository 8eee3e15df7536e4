# Run by cpack on what it is about to pack: manual pages are compressed there,
# without name and time, so that the same pages give the same package.
file(GLOB_RECURSE pages ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share/man/*)
foreach(page ${pages})
	execute_process(COMMAND gzip -9 -n ${page} COMMAND_ERROR_IS_FATAL ANY)
endforeach()

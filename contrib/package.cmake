# The Debian package: cpack --config build/CPackConfig.cmake
#
# What is installed is what cmake --install installs, below /usr.  There are no
# maintainer scripts: nothing is started, enabled or made by an installation.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_NAME notaryfs)
set(CPACK_PACKAGE_CONTACT "notaryfs maintainers <notaryfs@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY
	"filesystem whose files are written once and notarized")
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
	OWNER_READ OWNER_WRITE OWNER_EXECUTE
	GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/package-gzip.cmake)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION utils)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
# libraries are found by dpkg-shlibdeps; users need fusermount3
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS fuse3)
set(CPACK_DEBIAN_PACKAGE_SUGGESTS bash-completion)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Files copied into a mounted vault are sealed a moment after they were closed.
From then on they never change, and each has a certificate that anybody can
check offline: content, name, time and place in one order.  Contents lie as
coded shares in write-once buckets, of which some restore everything.")
install(FILES ${CMAKE_CURRENT_LIST_DIR}/lintian-overrides
	DESTINATION ${CMAKE_INSTALL_DATADIR}/lintian/overrides RENAME notaryfs)
include(CPack)
